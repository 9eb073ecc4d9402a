//! Servers in this process, over real sockets.

mod admin;
mod common;
mod faults;
mod server;
