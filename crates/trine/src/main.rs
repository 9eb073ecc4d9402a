//! Trine: queues, streams and pub-sub in one server.
fn main() {}
