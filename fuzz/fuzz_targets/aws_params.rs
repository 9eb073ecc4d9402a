//! Parameters of AWS calls in both protocols: the first byte chooses. What was read from a form says the same when it is written as JSON and read again,
//! and its XML holds no character that XML cannot hold.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};
use trine_aws::{Document, Form, Member, Output, Params, Protocol};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    data_type: Option<String>,
    string_value: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: Option<String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    entries: Vec<Entry>,
}

const ENTRY: &[Member] = &[Member::map("MessageAttributes", &["MessageAttribute"], "Name", "Value")];

impl Document for Request {
    const SHAPE: &'static [Member] = &[
        Member::list("AttributeNames", &["AttributeName"]),
        Member::map("Attributes", &["Attribute", "Attributes"], "Name", "Value"),
        Member::list_of("Entries", &["SendMessageBatchRequestEntry"], ENTRY),
    ];
}

fuzz_target!(|data: &[u8]| {
    let [kind, rest @ ..] = data else { return };
    let params = if kind % 2 == 0 {
        Params::Json(rest.to_vec().into())
    } else {
        let Ok(form) = Form::parse(rest) else { return };
        Params::Form(form)
    };
    let Ok(request) = params.decode::<Request>() else { return };
    let json = Output::new(Protocol::Json, "Fuzz", &request).unwrap();
    let again: Request = Params::Json(json.body().to_vec().into()).decode().unwrap();
    assert_eq!(again, request);
    let xml = Output::new(Protocol::Query, "Fuzz", &request).unwrap();
    let xml = std::str::from_utf8(xml.body()).unwrap();
    assert!(xml.chars().all(|c| matches!(c, '\t' | '\n' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)));
});
