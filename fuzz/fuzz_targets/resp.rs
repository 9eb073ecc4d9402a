//! Redis requests: the first byte says how the rest is cut into pieces; whole and in pieces the same requests come out.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use trine_redis::{RequestError, RequestLimits, RequestParser};

fn parse(input: &[u8], piece: usize) -> (Vec<Vec<Bytes>>, Option<RequestError>) {
    let limits = RequestLimits { authenticated: true, bulk_bytes_max: 1 << 20, query_bytes_max: 1 << 20 };
    let (mut parser, mut buffer, mut args, mut requests) = (RequestParser::default(), BytesMut::new(), Vec::new(), Vec::new());
    for piece in input.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match parser.next(&mut buffer, &limits, &mut args) {
                Ok(true) => requests.push(std::mem::take(&mut args)),
                Ok(false) => break,
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    (requests, None)
}

fuzz_target!(|data: &[u8]| {
    let [piece, input @ ..] = data else { return };
    // Beyond a line's limit, where an error comes depends on how much arrives at once.
    if input.len() < 64 << 10 {
        assert_eq!(parse(input, input.len().max(1)), parse(input, usize::from(*piece).max(1)));
    }
});
