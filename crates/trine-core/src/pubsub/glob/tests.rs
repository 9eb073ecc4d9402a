use proptest::prelude::*;

use super::*;

fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    let glob = Glob::new(pattern.as_bytes());
    for name in yes {
        assert!(glob.matches(name.as_bytes()), "{pattern:?} should match {name:?}");
        assert!(name.as_bytes().starts_with(glob.prefix()), "{pattern:?} {name:?}");
    }
    for name in no {
        assert!(!glob.matches(name.as_bytes()), "{pattern:?} should not match {name:?}");
    }
}

#[test]
fn literals() {
    check("", &[""], &["a"]);
    check("news", &["news"], &["new", "newss", "News", ""]);
    check(r"a\*b\?\[", &["a*b?["], &["aXb?[", r"a\*b\?\["]);
    check(r"\a", &["a"], &[r"\a"]);
    check("a\\", &["a\\"], &["a"]);
    check("a.b/c", &["a.b/c"], &["aXb/c"]);
}

#[test]
fn stars() {
    check("*", &["a", "a.b/c", "*", "\0"], &[""]);
    check("**", &["a"], &[""]);
    check("news.*", &["news.", "news.x", "news.x.y"], &["news", "xnews."]);
    check("*.log", &[".log", "a.log", "a.log.log"], &["log", "a.log.x", ""]);
    check("a*b", &["ab", "axb", "abb"], &["a", "b", "abc", "ba"]);
    check("ab*ba", &["abba", "ab-ba"], &["aba", "ab"]);
    check("a*b*c", &["abc", "a-b-b-c", "abcbc"], &["acb", "ab"]);
    check("a*?", &["ab", "abc"], &["a"]);
    check("*?*", &["a", "ab"], &[""]);
    check(r"*\*", &["*", "a*"], &["a", ""]);
    check("*\\", &["\\", "a\\"], &["a"]);
    check("a**", &["a", "ab"], &["b"]);
}

#[test]
fn one_byte() {
    check("?", &["a", "?"], &["", "ab", "ä"]);
    check("??", &["ä"], &["a"]);
    check("h?llo", &["hello", "hallo"], &["hllo", "heello"]);
}

#[test]
fn classes() {
    check("h[ae]llo", &["hello", "hallo"], &["hillo", "hllo", "h[ae]llo"]);
    check("[a-c]", &["a", "b", "c"], &["d", "-", ""]);
    check("[c-a]", &["a", "b", "c"], &["d"]);
    check("[^a-c]", &["d", "^"], &["a", "b"]);
    check("[!a]", &["!", "a"], &["b"]);
    check("[a^]", &["a", "^"], &["b"]);
    check(r"[\]]", &["]"], &["\\", "a"]);
    check(r"[a\-z]", &["a", "-", "z"], &["b"]);
    check(r"[\a-z]", &["a", "-", "z"], &["b", "\\"]);
    check("[]", &[], &["", "]", "a", "[]"]);
    check("[]a]", &[], &["]", "a", "]a]"]);
    check("[^]", &["a", "]"], &["", "ab"]);
    check("[abc", &["a", "b", "c"], &["d", "[abc"]);
    check("[a-", &["a", "-"], &["b"]);
    check("[a-]", &["a", "]", "^", "_", "`"], &["-", "b", "\\"]);
    check("[-a]", &["-", "a"], &["b"]);
    check("[a-c-e]", &["a", "b", "c", "-", "e"], &["d"]);
    check("[", &[], &["", "["]);
    check("[^", &["a"], &[""]);
    check("[\\", &["\\"], &["a"]);
    check("*[0-9]", &["1", "a1"], &["a", "1a"]);
    let high = Glob::new(b"[\x80-\xff]");
    assert!(high.matches(b"\xc3") && !high.matches(b"a"));
}

#[test]
fn a_prefix_is_what_every_match_begins_with() {
    assert_eq!(Glob::new(br"a\*b*c").prefix(), b"a*b");
    assert_eq!(Glob::new(b"a[b]").prefix(), b"a");
    assert!(Glob::new(br"a\*").is_literal() && !Glob::new(b"a*").is_literal());
}

/// Patterns on which a matcher that tries every star at every place takes longer than the universe has existed.
#[test]
fn patterns_built_to_blow_up_do_not() {
    let name = [b'a'; 2_000];
    for pattern in
        ["a*".repeat(500) + "b", "*a".repeat(500) + "b", "*?a".repeat(400) + "[b]", "*".repeat(50_000) + "[b]"]
    {
        assert!(!Glob::new(pattern.as_bytes()).matches(&name));
    }
    assert!(Glob::new("a*".repeat(2_000).as_bytes()).matches(&name));
    assert!(!Glob::new("[".repeat(50_000).as_bytes()).matches(b"a"));
}

/// The definition by cases, for short inputs.
fn naive(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|skipped| naive(rest, &name[skipped..])),
        _ => name.split_first().is_some_and(|(byte, left)| step(pattern, *byte).is_some_and(|rest| naive(rest, left))),
    }
}

proptest! {
    #[test]
    fn shapes_and_backtracking_change_no_answer(
        pattern in proptest::collection::vec(prop_oneof![Just(b'*'), Just(b'?'), Just(b'['), Just(b']'), Just(b'\\'), Just(b'-'), Just(b'^'), b'a'..=b'c'], 0..10),
        name in proptest::collection::vec(prop_oneof![8 => b'a'..=b'c', 1 => Just(b'*'), 1 => Just(b'\\'), 1 => Just(b']')], 0..10),
    ) {
        let want = if name.is_empty() { pattern.is_empty() } else { naive(&pattern, &name) };
        prop_assert_eq!(Glob::new(&pattern).matches(&name), want);
    }
}
