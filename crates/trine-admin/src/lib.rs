//! The admin HTTP API, metrics and health.
