//! Servers in this process, over real sockets.

mod admin;
mod aws;
mod common;
mod faults;
mod redis;
mod server;
