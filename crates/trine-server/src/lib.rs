//! Assembly: configuration to a running server; what main calls is what tests call.

pub mod config;
