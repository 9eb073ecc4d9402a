//! ApiVersions: the one API that must work before client and server know what the other speaks (KIP-511).

use bytes::{BufMut, Bytes};

use super::{
    APIS, Api, ApiKey, RequestHeader, ResponseBuf, Text, WireError,
    primitive::{Put, Reader},
};

/// An ApiVersions request.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ApiVersionsRequest {
    /// Name and version of the client library, from version 3 on.
    pub software: Option<(Text, Text)>,
    /// The cluster and node the client believes to talk to, from version 5 on (KIP-1242); null and -1 for "whoever you are".
    pub expected: (Option<Text>, i32),
}

impl ApiVersionsRequest {
    /// Reads the body.
    pub fn decode(body: &Bytes, version: i16) -> Result<Self, WireError> {
        let mut reader = Reader::new(body, Api::of(ApiKey::ApiVersions).is_flexible(version));
        let mut request = Self { software: None, expected: (None, -1) };
        if version >= 3 {
            request.software = Some((reader.string()?, reader.string()?));
        }
        if version >= 5 {
            request.expected = (reader.nullable_string()?, reader.i32()?);
        }
        reader.skip_tags()?;
        Ok(request)
    }

    /// Whether name and version of the client library look like such.
    #[must_use]
    pub fn software_is_valid(&self) -> bool {
        self.software.as_ref().is_none_or(|(name, version)| is_software_word(name) && is_software_word(version))
    }
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`
fn is_software_word(word: &str) -> bool {
    let bytes = word.as_bytes();
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// Appends the body of the answer. A request above the served versions gets version 0 of it, with the error UNSUPPORTED_VERSION that the caller gives.
///
/// No tagged field is ever written: all of them hold their defaults, and librdkafka before 2.2.0 cannot read them.
pub fn encode(header: &RequestHeader, error: i16, response: &mut ResponseBuf) {
    let out = response.body();
    out.put_i16(error);
    if header.is_too_new() {
        // Version 0, and only what the client needs to ask again.
        out.put_array_len(1, false);
        put_entry(out, Api::of(ApiKey::ApiVersions));
        return;
    }
    let flexible = header.api.is_flexible(header.version);
    out.put_array_len(APIS.len(), flexible);
    for api in APIS {
        put_entry(out, api);
        out.put_no_tags(flexible);
    }
    if header.version >= 1 {
        out.put_i32(0); // throttle time
    }
    out.put_no_tags(flexible);
}

fn put_entry(out: &mut bytes::BytesMut, api: &Api) {
    out.put_i16(api.key as i16);
    out.put_i16(api.min);
    out.put_i16(api.max);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_follow_the_rule() {
        for good in ["librdkafka", "2.0.2", "a", "apache-kafka-java", "v1.2-3"] {
            assert!(is_software_word(good), "{good}");
        }
        for bad in ["", "-a", "a-", ".", "a b", "a_b", "ä", "a\n"] {
            assert!(!is_software_word(bad), "{bad:?}");
        }
    }
}
