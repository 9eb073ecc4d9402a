//! ACL. What it does is in [`crate::acl`].

pub(crate) mod cat;
pub(crate) mod deluser;
pub(crate) mod dryrun;
pub(crate) mod file;
pub(crate) mod genpass;
pub(crate) mod getuser;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod setuser;
pub(crate) mod whoami;
