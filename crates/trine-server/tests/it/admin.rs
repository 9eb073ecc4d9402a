//! The admin API, operation by operation.

use crate::common::{dev, get, loader, post, request, start};
use serde_json::{Value, json};
use trine_server::{Server, config::Profile};

async fn with_topic(partitions: u32) -> Server {
    let server = dev().await;
    let created = post(&server, "/v1/topics", &json!({ "name": "t", "partitions": partitions })).await;
    assert_eq!(created.status, 201, "{}", created.body);
    server
}

async fn produce(server: &Server, records: Value) -> Value {
    let answer = post(server, "/v1/topics/t/produce", &json!({ "records": records })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn consume(server: &Server, body: Value) -> Vec<Value> {
    let answer = post(server, "/v1/topics/t/consume", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.lines()
}

fn bodies(records: &[Value]) -> Vec<&str> {
    records.iter().map(|r| r["body"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_listed_changed_and_deleted() {
    let server = dev().await;
    for name in ["b", "a1", "a2"] {
        let body = json!({ "name": name, "settings": { "retention.ms": "1000" } });
        assert_eq!(post(&server, "/v1/topics", &body).await.status, 201);
    }
    let again = post(&server, "/v1/topics", &json!({ "name": "b" })).await;
    assert_eq!((again.status, again.json()["code"].as_str()), (409, Some("exists")));
    let page = get(&server, "/v1/topics?prefix=a&limit=1").await.json();
    assert_eq!((page["topics"][0]["name"].as_str(), page["next"].as_str()), (Some("a1"), Some("a1")));
    let page = get(&server, "/v1/topics?prefix=a&limit=1&page=a1").await.json();
    assert_eq!((page["topics"][0]["name"].as_str(), page["next"].as_str()), (Some("a2"), None));

    let patch = json!({ "settings": { "retention.ms": null, "cleanup.policy": "compact" } }).to_string();
    let changed = request(&server, "PATCH", "/v1/topics/b", "", &patch).await.json();
    let own: Vec<_> = changed["settings"].as_array().unwrap().iter().filter(|s| s["default"] == false).collect();
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!(own[0]["value"], "compact");

    let grown = post(&server, "/v1/topics/b/add-partitions", &json!({ "total": 3 })).await.json();
    assert_eq!(grown["partitions"].as_array().unwrap().len(), 3);
    assert_eq!(post(&server, "/v1/topics/b/add-partitions", &json!({ "total": 3 })).await.status, 409);

    assert_eq!(request(&server, "DELETE", "/v1/topics/b", "", "").await.status, 200);
    let gone = get(&server, "/v1/topics/b").await;
    assert_eq!((gone.status, gone.json()["code"].as_str()), (404, Some("not_found")));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_back_as_they_went_in() {
    let server = with_topic(1).await;
    let headers = json!([{ "name": "h", "value": "x" }, { "name": "n" }]);
    let answer = produce(
        &server,
        json!([
            { "key": "k", "body": "text", "headers": headers, "timestamp": "2026-01-02T03:04:05.678Z" },
            { "body": "/wA=", "encoding": "base64" },
            { "key": "k", "body": null },
        ]),
    )
    .await;
    assert_eq!(answer["records"], 3);
    assert_eq!(answer["partitions"], json!([{ "partition": 0, "first": "0", "last": "2", "records": 3 }]));
    let records = consume(&server, json!({})).await;
    assert_eq!(records.len(), 3);
    assert_eq!(records[0]["offset"], "0");
    assert_eq!(records[0]["timestamp"], "2026-01-02T03:04:05.678Z");
    assert_eq!((&records[0]["key"], &records[0]["body"]), (&json!("k"), &json!("text")));
    assert_eq!(records[0]["headers"][0], json!({ "name": "h", "value": "x", "encoding": "utf8" }));
    assert_eq!(records[0]["headers"][1]["value"], Value::Null);
    assert_eq!((&records[1]["body"], &records[1]["encoding"]), (&json!("/wA="), &json!("base64")));
    assert_eq!((&records[1]["key"], &records[2]["body"]), (&Value::Null, &Value::Null));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_choose_partitions_as_javas_clients_do() {
    let server = with_topic(10).await;
    let lines: String =
        ["foobar", "foobar", "21"].iter().map(|k| format!("{{\"key\":\"{k}\",\"body\":\"x\"}}\n")).collect();
    let kind = "Content-Type: application/x-ndjson\r\n";
    let answer = request(&server, "POST", "/v1/topics/t/produce", kind, &lines).await.json();
    // murmur2 of the reference: "foobar" → 6 of 10; "21" → (-973932308 & 0x7fffffff) mod 10.
    let of_21 = u32::try_from((-973_932_308_i32) & 0x7fff_ffff).unwrap() % 10;
    let counts = |p: u32| answer["partitions"].as_array().unwrap().iter().find(|e| e["partition"] == p).cloned();
    assert_eq!(counts(6).unwrap()["records"], 2);
    assert_eq!(counts(of_21).unwrap()["records"], 1);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_limits_and_trims() {
    let server = with_topic(1).await;
    let records: Vec<_> = (0..10).map(|i| json!({ "body": i.to_string() })).collect();
    produce(&server, records.into()).await;
    assert_eq!(bodies(&consume(&server, json!({ "from": "-3" })).await), ["7", "8", "9"]);
    assert_eq!(bodies(&consume(&server, json!({ "from": "+8" })).await), ["8", "9"]);
    assert_eq!(bodies(&consume(&server, json!({ "limit": 2 })).await), ["0", "1"]);
    assert!(consume(&server, json!({ "from": "end" })).await.is_empty());
    assert_eq!(consume(&server, json!({ "from": "@-1h" })).await.len(), 10);
    assert!(consume(&server, json!({ "from": "@2999-01-01" })).await.is_empty());
    let trimmed = post(&server, "/v1/topics/t/trim", &json!({ "before": "+4" })).await.json();
    assert_eq!(trimmed["partitions"][0]["log_start"], "4");
    assert_eq!(bodies(&consume(&server, json!({ "limit": 1 })).await), ["4"]);
    assert_eq!(post(&server, "/v1/topics/t/trim", &json!({ "before": "end" })).await.status, 200);
    assert!(consume(&server, json!({})).await.is_empty());
    assert_eq!(post(&server, "/v1/topics/t/trim", &json!({ "before": "soon" })).await.status, 400);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_keep_their_place() {
    let server = with_topic(2).await;
    let records: Vec<_> = (0..10).map(|i| json!({ "body": i.to_string(), "partition": i % 2 })).collect();
    produce(&server, records.into()).await;
    assert_eq!(get(&server, "/v1/groups/g").await.status, 404);
    let seek = async |body: Value| post(&server, "/v1/groups/g/seek", &body).await;
    let moved = seek(json!({ "topic": "t", "offsets": { "0": "3" } })).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    let group = get(&server, "/v1/groups/g").await.json();
    assert_eq!((group["lag"].as_str(), group["state"].as_str()), (Some("2"), Some("Empty")));
    assert!(group["partitions"][0]["lag_ms"].as_str().unwrap().parse::<u64>().is_ok());
    let rest = consume(&server, json!({ "group": "g", "partitions": [0] })).await;
    assert_eq!(bodies(&rest), ["6", "8"]);
    assert_eq!(consume(&server, json!({ "group": "g" })).await.len(), 7, "no commit: from the start");
    assert_eq!(seek(json!({ "topic": "t", "to": "end" })).await.status, 200);
    assert!(consume(&server, json!({ "group": "g" })).await.is_empty());
    assert_eq!(get(&server, "/v1/groups/g").await.json()["lag"], "0");
    assert_eq!(get(&server, "/v1/groups").await.json()["groups"][0]["name"], "g");
    for bad in [
        json!({ "topic": "t" }),
        json!({ "topic": "t", "to": "end", "offsets": {} }),
        json!({ "topic": "t", "offsets": { "0": "x" } }),
    ] {
        assert_eq!(seek(bad.clone()).await.status, 400, "{bad}");
    }
    assert_eq!(seek(json!({ "topic": "t", "offsets": { "7": "0" } })).await.status, 404);
    assert_eq!(request(&server, "DELETE", "/v1/groups/g", "", "").await.status, 200);
    assert_eq!(get(&server, "/v1/groups/g").await.status, 404);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let server = with_topic(1).await;
    let code = async |method: &str, path: &str, body: &str| {
        let answer = request(&server, method, path, "", body).await;
        (answer.status, answer.json()["code"].as_str().unwrap().to_owned())
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(code("GET", "/v2/topics", "").await, is(404, "no_such_path"));
    assert_eq!(code("PUT", "/v1/topics", "").await, is(405, "method_not_allowed"));
    assert_eq!(code("GET", "/v1/topics?limits=3", "").await, is(400, "invalid"));
    assert_eq!(code("GET", "/v1/topics?ns=other", "").await, is(404, "not_found"));
    assert_eq!(code("POST", "/v1/topics", "{").await, is(400, "invalid"));
    assert_eq!(code("POST", "/v1/topics", r#"{"name":"a/b"}"#).await, is(400, "invalid"));
    assert_eq!(code("POST", "/v1/topics", r#"{"name":"a","partition":1}"#).await, is(400, "invalid"));
    assert_eq!(code("POST", "/v1/topics/t/produce", r#"{"records":[]}"#).await, is(400, "invalid"));
    assert_eq!(
        code("POST", "/v1/topics/t/produce", r#"{"records":[{"body":"!","encoding":"base64"}]}"#).await,
        is(400, "invalid")
    );
    assert_eq!(
        code("POST", "/v1/topics/t/produce", r#"{"records":[{"body":"a","partition":1}]}"#).await,
        is(404, "not_found")
    );
    assert_eq!(code("POST", "/v1/topics/none/consume", "{}").await, is(404, "not_found"));
    let bad = post(&server, "/v1/topics", &json!({ "name": "a", "settings": { "retention.mss": "1" } })).await.json();
    assert_eq!(bad["setting"], "retention.mss");
    let large = "x".repeat(2 << 20);
    let refused = post(&server, "/v1/topics/t/produce", &json!({ "records": [{ "body": large }] })).await;
    assert_eq!(refused.status, 413);
    assert_eq!((&refused.json()["limit"], &refused.json()["value"]), (&json!("max.message.bytes"), &json!("1048588")));
    let foreign = request(&server, "GET", "/v1/topics", "Origin: https://evil.example\r\n", "").await;
    assert_eq!((foreign.status, foreign.json()["code"].as_str()), (403, Some("denied")));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn produce_creates_topics_in_dev_only() {
    let record = json!({ "records": [{ "body": "x" }] });
    let server = dev().await;
    assert_eq!(post(&server, "/v1/topics/new/produce", &record).await.status, 200);
    server.stop().await.unwrap();
    let server = start(loader(Profile::Serve).flag("--durability", "durability", "memory")).await.unwrap();
    assert_eq!(post(&server, "/v1/topics/new/produce", &record).await.status, 404);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_advertised_address_changes_at_run_time() {
    let server = dev().await;
    assert_eq!(get(&server, "/v1/advertise").await.json(), json!({ "kafka": null, "redis": null }));
    let set = post(&server, "/v1/advertise", &json!({ "kafka": "localhost:19092" })).await;
    assert_eq!(set.status, 200, "{}", set.body);
    assert_eq!(get(&server, "/v1/status").await.json()["advertise"]["kafka"], "localhost:19092");
    assert_eq!(post(&server, "/v1/advertise", &json!({ "kafka": "nowhere" })).await.status, 400);
    assert_eq!(
        post(&server, "/v1/advertise", &json!({ "kafka": null })).await.json(),
        json!({ "kafka": null, "redis": null })
    );
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_well_formed_and_aggregated() {
    let server = with_topic(2).await;
    produce(&server, json!([{ "body": "x" }])).await;
    let text = get(&server, "/metrics").await.body;
    assert!(text.contains("\ntrine_stream_append_records_total 1\n"), "{text}");
    assert!(!text.contains("topic=\"t\""));
    let mut typed = std::collections::BTreeSet::new();
    for line in text.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(rest) => assert!(typed.insert(rest.split(' ').next().unwrap()), "declared twice: {line}"),
            None if line.starts_with('#') => {}
            None => {
                let name = line.split(['{', ' ']).next().unwrap();
                assert!(typed.contains(name) && name.starts_with("trine_"), "{line}");
                assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
            }
        }
    }
    let per = get(&server, "/metrics?per=topic").await.body;
    assert!(per.contains("\ntrine_topic_records_count{topic=\"t\"} 1\n"), "{per}");
    assert_eq!(post(&server, "/v1/queues", &json!({ "name": "q" })).await.status, 201);
    assert_eq!(post(&server, "/v1/queues/q/send", &json!({ "messages": [{ "body": "x" }] })).await.status, 200);
    let text = get(&server, "/metrics").await.body;
    assert!(text.contains("\ntrine_queue_queues_count 1\n"), "{text}");
    assert!(text.contains("\ntrine_queue_sent_messages_total 1\n") && !text.contains("queue=\"q\""), "{text}");
    let per = get(&server, "/metrics?per=queue").await.body;
    let ready = "\ntrine_queue_ready_messages_count{namespace=\"default\",queue=\"q\"} 1\n";
    assert!(per.contains(ready), "{per}");
    server.stop().await.unwrap();
}
