//! Load generators that speak the real protocols, behind `trine bench`. They drive a server over its sockets like any client, and print beside each
//! figure what the machine can do without a server: a bare TCP echo of the same sizes and a bare group-commit loop on the same disk.

pub mod channel;
pub mod echo;
pub mod histogram;
pub mod kafka;
pub mod load;
pub mod process;
pub mod queue;
pub mod report;
pub mod scale;
pub mod topic;
pub mod wal;
