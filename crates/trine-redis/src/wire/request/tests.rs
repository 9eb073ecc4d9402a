use proptest::prelude::*;

use super::*;

const OPEN: RequestLimits = RequestLimits { authenticated: true, bulk_bytes_max: 1 << 20, query_bytes_max: 2 << 20 };
const STRANGER: RequestLimits = RequestLimits { authenticated: false, ..OPEN };

type Parsed = (Vec<Vec<Vec<u8>>>, Option<RequestError>);

/// Feeds the input in pieces of these sizes, in turn, and collects the requests.
fn parse_in(input: &[u8], pieces: &[usize], limits: &RequestLimits) -> Parsed {
    let mut parser = RequestParser::default();
    let mut buffer = BytesMut::new();
    let mut requests = Vec::new();
    let mut args = Vec::new();
    let mut rest = input;
    for size in pieces.iter().cycle() {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        buffer.extend_from_slice(piece);
        rest = after;
        loop {
            match parser.next(&mut buffer, limits, &mut args) {
                Ok(false) => break,
                Ok(true) => requests.push(args.drain(..).map(|arg| arg.to_vec()).collect()),
                Err(error) => return (requests, Some(error)),
            }
        }
        // As a connection does that must not hold on to a common buffer.
        buffer = BytesMut::from(&*buffer);
        if rest.is_empty() {
            return (requests, None);
        }
    }
    (requests, None)
}

fn parse(input: &[u8]) -> Parsed {
    parse_in(input, &[input.len().max(1)], &OPEN)
}

fn requests(of: &[&[&str]]) -> Vec<Vec<Vec<u8>>> {
    of.iter().map(|request| request.iter().map(|arg| arg.as_bytes().to_vec()).collect()).collect()
}

#[test]
fn arrays_of_bulks() {
    let (got, error) = parse(b"*1\r\n$4\r\nPING\r\n*3\r\n$7\r\nPUBLISH\r\n$0\r\n\r\n$4\r\na\r\nb\r\n");
    assert_eq!(error, None);
    assert_eq!(got, requests(&[&["PING"], &["PUBLISH", "", "a\r\nb"]]));
}

#[test]
fn empty_requests_are_skipped() {
    assert_eq!(parse(b"*0\r\n*-1\r\n*-5\r\n\r\n\n  \r\nPING\r\n"), (requests(&[&["PING"]]), None));
}

#[test]
fn bytes_behind_a_bulk_are_not_looked_at() {
    assert_eq!(parse(b"*1\rX$4\rXPINGXX*1\r\n$1\r\nx\r\n"), (requests(&[&["PING"], &["x"]]), None));
}

#[test]
fn lengths_are_strict() {
    for bad in ["*01", "*+1", "* 1", "*1 ", "*", "*x", "*-", "*-0", "*99999999999999999999", "*1048577"] {
        assert_eq!(parse(format!("{bad}\r\n").as_bytes()), (vec![], Some(RequestError::ArgumentCount)), "{bad}");
    }
    for bad in ["$04", "$+4", "$", "$x", "$-1", "$1048577", "$-9223372036854775808"] {
        assert_eq!(parse(format!("*1\r\n{bad}\r\n").as_bytes()), (vec![], Some(RequestError::BulkLength)), "{bad}");
    }
    assert_eq!(decimal(b"-9223372036854775808"), Some(i64::MIN));
    assert_eq!(decimal(b"9223372036854775808"), None);
}

#[test]
fn errors_and_their_replies() {
    let reply = |input: &[u8]| String::from_utf8(parse(input).1.unwrap().reply().unwrap()).unwrap();
    assert_eq!(reply(b"*x\r\n"), "-ERR Protocol error: invalid multibulk length\r\n");
    assert_eq!(reply(b"*1\r\nPING\r\n"), "-ERR Protocol error: expected '$', got 'P'\r\n");
    assert_eq!(reply(b"*1\r\n\r\n"), "-ERR Protocol error: expected '$', got ' '\r\n");
    assert_eq!(reply(b"*1\r\n$x\r\n"), "-ERR Protocol error: invalid bulk length\r\n");
    assert_eq!(reply(b"\"a\r\n"), "-ERR Protocol error: unbalanced quotes in request\r\n");
    let long = "1".repeat(LINE_BYTES_MAX + 1);
    assert_eq!(reply(format!("*{long}").as_bytes()), "-ERR Protocol error: too big mbulk count string\r\n");
    assert_eq!(reply(format!("*1\r\n${long}").as_bytes()), "-ERR Protocol error: too big bulk count string\r\n");
    assert_eq!(reply(long.as_bytes()), "-ERR Protocol error: too big inline request\r\n");
    assert_eq!(
        parse(b"*1\r\n\xff\r\n").1.unwrap().reply().unwrap(),
        b"-ERR Protocol error: expected '$', got '\xff'\r\n"
    );
}

#[test]
fn an_element_that_is_no_bulk_is_reported_once_its_line_is_whole() {
    assert_eq!(parse(b"*1\r\nPING"), (vec![], None));
    assert_eq!(parse(b"PING"), (vec![], None));
    assert_eq!(parse(&[b'x'; LINE_BYTES_MAX]), (vec![], None));
}

#[test]
fn strangers_may_ask_less() {
    let of = |input: &[u8]| parse_in(input, &[1 << 20], &STRANGER);
    assert_eq!(of(b"*11\r\n").1, Some(RequestError::UnauthenticatedCount));
    assert_eq!(of(b"*10\r\n").1, None);
    assert_eq!(of(b"*1\r\n$16385\r\n").1, Some(RequestError::UnauthenticatedBulk));
    assert_eq!(of(b"*1\r\n$16384\r\n").1, None);
    assert_eq!(of(b"*2147483648\r\n").1, Some(RequestError::ArgumentCount));
}

#[test]
fn the_query_buffer_has_a_limit_and_no_reply() {
    let limits = RequestLimits { query_bytes_max: 1000, ..OPEN };
    let (_, error) = parse_in(&[b"*1\r\n$2000\r\n".as_slice(), &[b'x'; 1500]].concat(), &[100], &limits);
    assert_eq!(error, Some(RequestError::QueryBuffer));
    assert_eq!(RequestError::QueryBuffer.reply(), None);
}

#[test]
fn what_follows_an_error_is_not_carried_out() {
    let (got, error) = parse(b"PING\r\n*1\r\n$x\r\nPING\r\n");
    assert_eq!((got, error), (requests(&[&["PING"]]), Some(RequestError::BulkLength)));
}

#[test]
fn an_announced_length_reserves_nothing() {
    let limits = RequestLimits { bulk_bytes_max: 512 << 20, ..OPEN };
    let mut parser = RequestParser::default();
    let mut buffer = BytesMut::from(&b"*1000000\r\n$536870912\r\n"[..]);
    let mut args = Vec::new();
    assert_eq!(parser.next(&mut buffer, &limits, &mut args), Ok(false));
    assert!(buffer.capacity() < 1024 && args.capacity() == 0 && parser.found.capacity() == 0);
}

#[test]
fn arguments_are_slices_unless_they_would_hold_a_large_buffer() {
    let inside =
        |buffer: &BytesMut, of: usize| buffer.as_ptr_range().start as usize..=buffer.as_ptr_range().start as usize + of;
    let mut small = BytesMut::from(&b"*2\r\n$1\r\nc\r\n$3\r\nmsg\r\n"[..]);
    let place = inside(&small, small.len());
    let mut args = Vec::new();
    assert_eq!(RequestParser::default().next(&mut small, &OPEN, &mut args), Ok(true));
    assert!(args.iter().all(|arg| place.contains(&(arg.as_ptr() as usize))));
    let payload = vec![b'p'; PINS_FROM];
    let request = [format!("*2\r\n$1\r\nc\r\n${}\r\n", payload.len()).as_bytes(), &payload, b"\r\n"].concat();
    let mut large = BytesMut::from(&*request);
    let place = inside(&large, large.len());
    args.clear();
    assert_eq!(RequestParser::default().next(&mut large, &OPEN, &mut args), Ok(true));
    assert!(!place.contains(&(args[0].as_ptr() as usize)) && place.contains(&(args[1].as_ptr() as usize)));
}

#[test]
fn inline_requests() {
    for (line, want) in [
        ("PING", &["PING"][..]),
        ("  publish\t a  b  ", &["publish", "a", "b"]),
        (r#"set "a b" 'c d'"#, &["set", "a b", "c d"]),
        (r#""\x41\n\r\t\b\a\q\x4""#, &["A\n\r\t\u{8}\u{7}qx4"]),
        (r"'a\'b\n'", &[r"a'b\n"]),
        (r#"a"b c""#, &["ab c"]),
        (r#""" x"#, &["", "x"]),
        ("a\0b c", &["a"]),
        ("a\u{b}b \u{b} c", &["a\u{b}b", "c"]),
    ] {
        for end in ["\r\n", "\n"] {
            assert_eq!(parse(format!("{line}{end}").as_bytes()), (requests(&[want]), None), "{line:?}");
        }
    }
    for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\", "\"a\0\""] {
        assert_eq!(parse(format!("{line}\r\n").as_bytes()).1, Some(RequestError::Quotes), "{line:?}");
    }
}

fn input() -> impl Strategy<Value = Vec<u8>> {
    let argument = proptest::collection::vec(any::<u8>(), 0..20);
    let request = prop_oneof![
        6 => proptest::collection::vec(argument, 0..5).prop_map(|args| {
            let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
            for arg in args {
                bytes.extend(format!("${}\r\n", arg.len()).into_bytes());
                bytes.extend(arg);
                bytes.extend(b"\r\n");
            }
            bytes
        }),
        3 => "[a-z \"'\\\\]{0,12}\r?\n".prop_map(String::into_bytes),
        1 => proptest::collection::vec(prop_oneof![Just(b'*'), Just(b'$'), Just(b'-'), b'0'..b'3', Just(b'\r'), Just(b'\n'), any::<u8>()], 0..12),
    ];
    proptest::collection::vec(request, 0..6).prop_map(|requests| requests.concat())
}

proptest! {
    #[test]
    fn where_the_input_is_split_changes_nothing(input in input(), pieces in proptest::collection::vec(1usize..9, 1..8)) {
        let whole = parse(&input);
        prop_assert_eq!(parse_in(&input, &[1], &OPEN), whole.clone());
        prop_assert_eq!(parse_in(&input, &pieces, &OPEN), whole);
    }
}
