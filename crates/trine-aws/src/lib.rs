//! What the AWS services share on their HTTP port: connections, dispatch, the JSON 1.0 and Query protocols, signatures. Knows no service; each one is a
//! [`Service`].
//!
//! ```text
//! trine-net accept → http (bounds, time-outs) → sigv4 (who) → dispatch (which service, which action) → Service::call → JSON or XML
//! ```
//!
//! A service sees one [`Call`] whatever the protocol: it decodes a typed request with [`Call::request`] and answers with [`Call::answer`]; members whose
//! Query form differs from their JSON form are listed by [`Document::SHAPE`].

mod accounts;
mod call;
mod document;
mod error;
mod http;
mod output;
mod request_id;
mod service;
mod sigv4;
mod sts;

pub use accounts::{Account, AccountError, Accounts};
pub use call::{Call, Caller, Params, Protocol};
pub use document::{Document, Form, JsonObject, Malformed, Member, Shape};
pub use error::ServiceError;
pub use http::{ActionStats, Aws, AwsConfig, AwsStats, Headers};
pub use output::Output;
pub use request_id::RequestId;
pub use service::{Helper, HelperAnswer, Service, ServiceInfo};
pub use sigv4::{Key, Keys};
pub use sts::Sts;
