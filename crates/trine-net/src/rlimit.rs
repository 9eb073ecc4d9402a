//! The limit of open files.

/// Raises the soft limit of open files to the hard limit and returns what is allowed then (`None`: no limit, or a platform without one). The usual soft
/// limit of 1024 is for programs that use `select`.
pub fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current == limit.maximum || setrlimit(Resource::Nofile, raised).is_err() {
        return limit.current;
    }
    limit.maximum
}

#[cfg(test)]
mod tests {
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let allowed = super::raise_open_files();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(allowed, limit.current);
        assert_eq!(limit.current, limit.maximum);
    }
}
