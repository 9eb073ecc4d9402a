//! Request headers (reference §1).

use bytes::Bytes;

use super::{Api, ApiKey, Text, WireError, primitive::Reader};

/// What every request starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API, from the table.
    pub api: &'static Api,
    /// In which version. Served, except that ApiVersions may be above what is served.
    pub version: i16,
    /// Goes back in the response.
    pub correlation_id: i32,
    /// What the client calls itself; null is the empty string.
    pub client_id: Text,
}

impl RequestHeader {
    /// Reads the header of a frame and returns it with the body. Fails for an API or version that is not served, but for ApiVersions: a version above
    /// ours must be answered (in version 0), so its header is read as far as all versions agree.
    pub fn parse(frame: &Bytes) -> Result<(Self, Bytes), WireError> {
        let mut reader = Reader::new(frame, false);
        let key = reader.i16()?;
        let version = reader.i16()?;
        let correlation_id = reader.i32()?;
        let api = Api::find(key).ok_or(WireError::UnknownApi(key))?;
        let answerable = api.key == ApiKey::ApiVersions && version > api.max;
        if !api.serves(version) && !answerable {
            return Err(WireError::UnsupportedVersion { api: api.name, version });
        }
        let client_id = reader.legacy_nullable_string()?.unwrap_or_default();
        let header = Self { api, version, correlation_id, client_id };
        if answerable {
            return Ok((header, Bytes::new()));
        }
        reader.flexible = api.is_flexible(version);
        reader.skip_tags()?;
        Ok((header, frame.slice(reader.position()..)))
    }

    /// Whether the version is one this server does not know (only ever for ApiVersions).
    #[must_use]
    pub const fn is_too_new(&self) -> bool {
        self.version > self.api.max
    }

    /// Whether the response's header has tagged fields: as the request's, but never for ApiVersions, whose answer must be readable before the client
    /// knows what the server speaks.
    #[must_use]
    pub fn response_header_is_flexible(&self) -> bool {
        self.api.key != ApiKey::ApiVersions && self.api.is_flexible(self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<(RequestHeader, Bytes), WireError> {
        RequestHeader::parse(&Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn both_header_versions_are_read() {
        // Metadata 8, correlation 7, client "ab", body 1 2.
        let (header, body) = parse(&[0, 3, 0, 8, 0, 0, 0, 7, 0, 2, b'a', b'b', 1, 2]).unwrap();
        assert_eq!((header.api.key, header.version, header.correlation_id), (ApiKey::Metadata, 8, 7));
        assert_eq!(&*header.client_id, "ab");
        assert_eq!(&body[..], [1, 2]);
        assert!(!header.response_header_is_flexible());

        // Metadata 9 has tagged fields in its header, here one to be skipped.
        let (header, body) = parse(&[0, 3, 0, 9, 0, 0, 0, 7, 0xff, 0xff, 1, 4, 1, 99, 1, 2]).unwrap();
        assert_eq!(&*header.client_id, "", "null is empty");
        assert_eq!(&body[..], [1, 2]);
        assert!(header.response_header_is_flexible());
    }

    #[test]
    fn api_versions_is_special() {
        let (header, _) = parse(&[0, 18, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0]).unwrap();
        assert!(!header.response_header_is_flexible());
        let (header, body) = parse(&[0, 18, 0, 99, 0, 0, 0, 1, 0, 0, 0xff]).unwrap();
        assert!(header.is_too_new());
        assert!(body.is_empty());
        assert!(parse(&[0, 18, 0xff, 0xff, 0, 0, 0, 1, 0, 0]).is_err(), "a negative version");
    }

    #[test]
    fn what_is_not_served_is_refused() {
        assert_eq!(parse(&[0, 24, 0, 0, 0, 0, 0, 1, 0, 0]), Err(WireError::UnknownApi(24)));
        assert_eq!(parse(&[0xff, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]), Err(WireError::UnknownApi(-1)));
        for version in [0, 1, 2, 14] {
            assert_eq!(
                parse(&[0, 0, 0, version, 0, 0, 0, 1, 0, 0]),
                Err(WireError::UnsupportedVersion { api: "Produce", version: version.into() })
            );
        }
    }

    #[test]
    fn truncated_headers_are_refused() {
        let whole = [0, 3, 0, 9, 0, 0, 0, 7, 0, 2, b'a', b'b', 0];
        for len in 0..whole.len() {
            assert!(matches!(parse(&whole[..len]), Err(WireError::Malformed { .. })), "{len}");
        }
        assert!(parse(&whole).is_ok());
        assert!(parse(&[0, 3, 0, 8, 0, 0, 0, 7, 0xff, 0xfe]).is_err(), "a client id of length -2");
    }
}
