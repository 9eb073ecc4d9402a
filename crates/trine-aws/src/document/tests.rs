use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Value {
    data_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
}

#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    id: String,
    message_attributes: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    queue_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attribute_names: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(rename = "tags", skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entries: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_results: Option<String>,
}

const ENTRY: &[Member] = &[Member::map("MessageAttributes", &["MessageAttribute"], "Name", "Value")];

impl Document for Request {
    const SHAPE: &'static [Member] = &[
        Member::list("AttributeNames", &["AttributeName"]),
        Member::map("Attributes", &["Attribute"], "Name", "Value"),
        Member::map("tags", &["Tag", "Tags"], "Key", "Value"),
        Member::list_of("Entries", &["SendMessageBatchRequestEntry"], ENTRY),
        Member::or_nothing("MaxResults"),
    ];
}

fn query(form: &str) -> Request {
    decode(&Params::Form(Form::parse(form.as_bytes()).unwrap())).unwrap()
}

fn from_json(body: &'static str) -> Result<Request, Malformed> {
    decode(&Params::Json(Bytes::from_static(body.as_bytes())))
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn both_protocols_give_the_same_request() {
    let json = from_json(
        r#"{"QueueUrl":"http://h/q","AttributeNames":["All","b"],"Attributes":{"VisibilityTimeout":"30"},"tags":{"k":"v"},"Unknown":[1],
            "Entries":[{"Id":"a","MessageAttributes":{"x":{"DataType":"String","StringValue":"1"}}},{"Id":"b"}]}"#,
    )
    .unwrap();
    let form = query(
        "Action=SendMessageBatch&Version=2012-11-05&QueueUrl=http%3A%2F%2Fh%2Fq&AttributeName.1=All&AttributeName.2=b&Attribute.1.Name=VisibilityTimeout\
         &Attribute.1.Value=30&Tag.1.Key=k&Tag.1.Value=v&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=x\
         &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=1\
         &SendMessageBatchRequestEntry.2.Id=b",
    );
    assert_eq!(json, form);
}

#[test]
fn elements_come_by_number_with_gaps_and_without_numbers() {
    let many: String = (1..=12).rev().map(|n| format!("AttributeName.{}=v{n}&", n * 2)).collect();
    let names: Vec<String> = (1..=12).map(|n| format!("v{n}")).collect();
    assert_eq!(query(&many).attribute_names, names);
    assert_eq!(query("AttributeName=All").attribute_names, ["All"]);
    assert_eq!(query("Attribute.Name=DelaySeconds&Attribute.Value=5").attributes, map(&[("DelaySeconds", "5")]));
    assert_eq!(query("Tags.1.Key=a&Tags.1.Value=b&Tag.2.Key=c&Tag.2.Value=").tags, map(&[("a", "b"), ("c", "")]));
    assert_eq!(query(""), Request::default());
}

#[test]
fn parameters_without_a_value() {
    // Text can be empty; what cannot be is not there.
    for form in ["QueueUrl=&MaxResults=", "QueueUrl&MaxResults", "QueueUrl=&MaxResults&Unknown&Other="] {
        assert_eq!(query(form), Request { queue_url: Some(String::new()), ..Request::default() }, "{form}");
    }
    assert_eq!(query("MaxResults=5").max_results.as_deref(), Some("5"));
    // Empty lists and maps, under the element's name and (botocore) under the member's.
    for form in [
        "AttributeName=&Attribute=&Tag=&SendMessageBatchRequestEntry=",
        "AttributeName&Attribute&Tag&SendMessageBatchRequestEntry",
        "AttributeNames=&Attributes=&tags=&Entries=",
    ] {
        assert_eq!(query(form), Request::default(), "{form}");
    }
    // A structure or list that has a value of its own as well.
    let form = "AttributeName=&AttributeName.1=All&SendMessageBatchRequestEntry.1=&SendMessageBatchRequestEntry.1.Id=a";
    let request = query(form);
    assert_eq!((request.attribute_names, request.entries[0].id.as_str()), (vec!["All".to_owned()], "a"));
    assert_eq!(query("Attribute.1.Name=Policy&Attribute.1.Value").attributes, map(&[("Policy", "")]));
}

#[test]
fn a_value_in_the_wrong_place_is_malformed() {
    for form in [
        "QueueUrl.x=1",
        "Attribute.1.Name=a&Attribute.1.Value.x=1",
        "Attribute.1.Name=a",
        "AttributeName.1.x=2",
        "MaxResults.x=",
    ] {
        let form = Params::Form(Form::parse(form.as_bytes()).unwrap());
        assert!(decode::<Request>(&form).is_err());
    }
    for body in ["[]", "null", "{", "{}x", "\"a\"", r#"{"QueueUrl":1}"#, r#"{"Attributes":{"a":30}}"#, "[\"http://q\"]"]
    {
        assert!(from_json(body).is_err(), "{body}");
    }
    assert_eq!(from_json("").unwrap(), Request::default());
    assert_eq!(from_json(" {} ").unwrap(), Request::default());
}

#[test]
fn deep_and_broken_json_costs_one_error() {
    let deep = format!("{{\"Entries\":{}", "[".repeat(1_000_000));
    assert!(decode::<Request>(&Params::Json(deep.into())).is_err());
    let deep = format!("{{\"Unknown\":{}1{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    // Skipped without recursion or refused for its depth: either way it does not fell the server.
    let _ = decode::<Request>(&Params::Json(deep.into()));
    assert!(decode::<Request>(&Params::Json(Bytes::from_static(b"{\"QueueUrl\":\"\xff\"}"))).is_err());
}

fn xml(request: &Request) -> String {
    let mut out = String::new();
    write_members(&mut out, "SendMessageBatchResult", Request::SHAPE, request).unwrap();
    out
}

#[test]
fn answers_flatten_as_the_shape_says() {
    let reply = Request {
        queue_url: Some("http://h/q".to_owned()),
        attribute_names: vec!["a".to_owned(), "b".to_owned()],
        attributes: map(&[("A", "1"), ("B", "2")]),
        tags: map(&[("k", "v")]),
        entries: vec![Entry {
            id: "x".to_owned(),
            message_attributes: [(
                "n".to_owned(),
                Value { data_type: Some("String".to_owned()), string_value: Some("s".to_owned()) },
            )]
            .into(),
        }],
        max_results: None,
    };
    expect_test::expect![[
        r#"<SendMessageBatchResult><QueueUrl>http://h/q</QueueUrl><AttributeName>a</AttributeName><AttributeName>b</AttributeName><Attribute><Name>A</Name><Value>1</Value></Attribute><Attribute><Name>B</Name><Value>2</Value></Attribute><Tag><Key>k</Key><Value>v</Value></Tag><SendMessageBatchRequestEntry><Id>x</Id><MessageAttribute><Name>n</Name><Value><DataType>String</DataType><StringValue>s</StringValue></Value></MessageAttribute></SendMessageBatchRequestEntry></SendMessageBatchResult>"#
    ]]
    .assert_eq(&xml(&reply));
    assert_eq!(xml(&Request::default()), "<SendMessageBatchResult/>");
}

#[test]
fn text_survives_xml_parsers() {
    let reply = Request { queue_url: Some("<a href=\"x\">&\r\n'\u{1}ä".to_owned()), ..Request::default() };
    assert_eq!(
        xml(&reply),
        "<SendMessageBatchResult><QueueUrl>&lt;a href=&quot;x&quot;&gt;&amp;&#xD;\n'\u{fffd}ä</QueueUrl></SendMessageBatchResult>"
    );
}

proptest::proptest! {
    /// Whatever comes is read or refused, and what was read from one protocol is the same in the other's spelling.
    #[test]
    fn hostile_parameters(
        form in "((Attribute|AttributeName|Tag|Tags|SendMessageBatchRequestEntry|QueueUrl)(\\.[0-9]{1,3})?(\\.(Name|Value|Key|Id|MessageAttribute))?(\\.[0-9])?\
                 (\\.Name|\\.Value(\\.DataType)?)?=[ -~é]{0,8}&){0,12}",
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
    ) {
        let _ = decode::<Request>(&Params::Json(bytes.clone().into()));
        let _ = Form::parse(&bytes).map(|form| decode::<Request>(&Params::Form(form)));
        if let Ok(form) = Form::parse(form.as_bytes())
            && let Ok(request) = decode::<Request>(&Params::Form(form))
        {
            let json = serde_json::to_vec(&request).unwrap();
            proptest::prop_assert_eq!(&decode::<Request>(&Params::Json(json.into())).unwrap(), &request);
            proptest::prop_assert!(xml(&request).chars().all(|c| c == '\t' || c == '\n' || c >= ' '));
        }
    }
}
