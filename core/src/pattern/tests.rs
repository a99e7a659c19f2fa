use std::format;
use std::prelude::v1::*;

use regex_lite::{Regex, RegexBuilder};

use super::Pattern;
use crate::fault::FaultCode;
use crate::limits;
use crate::text::Text;

fn finds(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern).expect(pattern).finds(text.into())
}

/// What regex-lite makes of a pattern. `None` if its limits refuse it.
pub(super) fn theirs(pattern: &str) -> Option<Result<Regex, String>> {
    match RegexBuilder::new(pattern).size_limit(1 << 20).build() {
        Err(error) if ["nesting", "size"].iter().any(|limit| error.to_string().contains(limit)) => None,
        other => Some(other.map_err(|error| error.to_string())),
    }
}

/// Says where we and regex-lite differ, limits apart.
pub(super) fn difference(pattern: &str, texts: &[String]) -> Option<String> {
    let (ours, theirs) = match (Pattern::new(pattern), theirs(pattern)) {
        (Err(FaultCode::LimitExceeded), _) | (_, None) => return None,
        (Err(FaultCode::InvalidValue), Some(Err(_))) => return None,
        // The one thing that is taken beyond theirs: names that are neither ASCII nor letters.
        (Ok(_), Some(Err(error))) if error == "invalid group name" && !pattern.is_ascii() => return None,
        (Ok(ours), Some(Ok(theirs))) => (ours, theirs),
        (ours, Some(theirs)) => {
            return Some(format!("{pattern:?}: {:?}, theirs {:?}", ours.map(|_| ()), theirs.map(|_| ())));
        }
    };
    let text = texts.iter().find(|text| ours.finds(text.as_str().into()) != theirs.is_match(text))?;
    Some(format!("{pattern:?} in {text:?}: theirs {}", theirs.is_match(text)))
}

/// Each line: a pattern, texts in which it is found, and texts in which it is not.
const FOUND: &[(&str, &[&str], &[&str])] = &[
    // Literals, and `.`.
    ("", &["", "a", "é"], &[]),
    ("bc", &["bc", "abcd"], &["", "b", "cb", "b c"]),
    ("é😀", &["é😀", "xé😀y"], &["é", "😀é"]),
    ("]}", &["]}"], &["]"]),
    ("^.$", &["a", "é", "😀", "\r"], &["", "\n", "ab"]),
    ("(?s)^.$", &["\n"], &["", "ab"]),
    ("(?R)^.$", &["a"], &["\n", "\r"]),
    // Alternation and groups.
    ("^(?:a|bc|)$", &["a", "bc", ""], &["b", "abc"]),
    ("a|b|c", &["xa", "xb", "xc"], &["x"]),
    ("^(a(b|c)){2}$", &["abac"], &["ab", "abca"]),
    ("^(?<one>a)(?P<tw.o[2]>b)(?:c)()$", &["abc"], &["ab"]),
    // Flags.
    ("(?i)^straße k$", &["STRAßE K", "Straße k"], &["strasse k", "STRASSE K", "straße \u{212a}", "STRAẞE K"]),
    ("^a(?i)b(?-i)c|D$", &["aBc", "abc", "xD"], &["ABc", "abC", "xd"]),
    ("^a(?i:b(?-i:c))d$", &["abcd", "aBcd"], &["aBCd", "aBcD"]),
    ("(?i)^[^b-y]$", &["a", "Z", "é"], &["B", "y"]),
    ("(?m)^b$", &["a\nb\nc", "b"], &["a\nbc", "b\r\n", "a\rb"]),
    ("(?mR)^b$", &["a\r\nb\r\nc", "a\rb\rc"], &["a\r\nbc"]),
    ("(?mR)\r^\n|\r$\n", &[], &["\r\n"]),
    ("(?U)^a+?b$", &["aab"], &["b"]),
    ("(?x) ^ a\\ b [ c d ] # e\n f { 2 } $ # g", &["a bcff"], &["a b ff", "a bcf"]),
    ("(?x: a ) b", &["a b"], &["ab"]),
    // Repetition.
    ("^a?b*c+$", &["abbc", "c", "bcc"], &["", "aac", "ab"]),
    ("^a??b*?c+?$", &["abbc", "c", "bcc"], &["", "aac", "ab"]),
    ("^(?:ab){2}$", &["abab"], &["ab", "ababab"]),
    ("^a{2,}$", &["aa", "aaaaa"], &["a"]),
    ("^a{ 1 , 3 }?$", &["a", "aa", "aaa"], &["", "aaaa"]),
    ("^a{0}b{0,0}$", &[""], &["a", "b"]),
    ("^(?:a{2}){2,3}$", &["aaaa", "aaaaaa"], &["aa", "aaaaa"]),
    ("^(?:a*)*b$", &["b", "aab"], &["a"]),
    ("^(?:a|b*)+$", &["", "ab"], &["c"]),
    ("^ab(?i)*$", &["abb", "a"], &["aB"]),
    ("(){4294967295}(?:)*", &["", "a"], &[]),
    // Classes.
    ("^[a-cx]+$", &["abcx"], &["d", "", "-"]),
    ("^[^a-cx]+$", &["dé\n"], &["a"]),
    ("^[]a-]+$", &["]a-"], &["["]),
    ("^[^]a]$", &["b"], &["]", "a"]),
    ("^[--]+$", &["--"], &["a"]),
    ("^[\\]\\-\\n\\x41\\d]+$", &["]-\nA7"], &["\\", "n"]),
    ("^[é-ü]$", &["ö"], &["e", "ý"]),
    ("^[A-[:]$", &["Z", "[", ":"], &["\\"]),
    ("[^\\s\\S]", &[], &["", "a"]),
    ("^[^\\W_]+$", &["aZ9"], &["_", "é"]),
    ("^\\d\\D\\s\\S\\w\\W$", &["1a b_-", "0é\u{b}é9é"], &["٣a b_-", "1a bé-", "1a\u{a0}b_-"]),
    ("^[[:alnum:]][[:alpha:]][[:ascii:]][[:blank:]]$", &["9a~\t"], &["9aé ", "99~ "]),
    ("^[[:cntrl:]][[:digit:]][[:graph:]][[:lower:]]$", &["\u{7f}0!z"], &["a0!z", "\u{1}0 z"]),
    ("^[[:print:]][[:punct:]][[:space:]][[:upper:]]$", &[" `\u{c}Q"], &["\ta Q"]),
    ("^[[:word:]][[:xdigit:]][[:^digit:]x]$", &["_fé"], &["_g-", "_F1"]),
    // Escapes.
    ("^\\a\\f\\t\\n\\r\\v$", &["\x07\x0c\t\n\r\x0b"], &["aftnrv"]),
    ("^\\.\\+\\*\\?\\(\\)\\|\\[\\]\\{\\}\\^\\$\\#\\&\\-\\~\\/\\ $", &[".+*?()|[]{}^$#&-~/ "], &[]),
    ("^\\x41\\x{1F600}\\u00e9\\u{e9}\\U0001F600\\U{00041}$", &["A😀éé😀A"], &["A"]),
    // What nobody would expect, but regex-lite has it so.
    ("(?x)^a+ ?$", &["", "aa"], &["b"]),
    ("(?x)^a{2} ?$", &["aa"], &["", "a"]),
    ("(?i)^[A-a]$", &["Z", "a"], &["z"]),
    ("(?i)^[!-`\\x61]$", &["Z", "a"], &["z"]),
    // Anchors and boundaries.
    ("^", &["", "a"], &[]),
    ("a^b|a$b", &[], &["ab", "a\nb"]),
    ("(?m)\\Ab\\z", &["b"], &["a\nb", "b\n"]),
    ("\\bb\\b", &["b", "a b!", "éb"], &["ab", "b_"]),
    ("^\\B$", &[""], &["a"]),
    ("a\\Bb", &["ab"], &["a b"]),
    ("\\b{start}b\\b{end}|\\<c\\>", &["a b", "é c"], &["ab", "bc"]),
    ("^\\b{start-half}.\\b{end-half}.$", &["! ", "a!", "!!"], &["!a", "aa"]),
    ("^.\\b{start-half}..\\b{end-half}$", &["!a!", "!!!"], &["a!!"]),
    ("^(?:\\b{2}a)+$", &["a"], &["", "aa"]),
];

#[test]
fn finds_what_the_syntax_says() {
    for (pattern, found, not_found) in FOUND {
        for (texts, expected) in [(found, true), (not_found, false)] {
            for text in *texts {
                assert_eq!(finds(pattern, text), expected, "{pattern:?} in {text:?}");
            }
            assert_eq!(difference(pattern, &texts.iter().map(ToString::to_string).collect::<Vec<_>>()), None);
        }
    }
}

#[test]
fn refuses_what_is_no_pattern() {
    for pattern in [
        "*",
        "a|*",
        "(?i)*",
        "(*)",
        "{2}",
        "a{",
        "a{}",
        "a{,2}",
        "a{x}",
        "a{2",
        "a{2,",
        "a{2,1}",
        "a{1 0}",
        "a{4294967296}",
        "(",
        ")",
        "(a",
        "a)",
        "(?",
        "(?)",
        "(?i",
        "(?-)",
        "(?i-)",
        "(?ii)",
        "(?i-i)",
        "(?--i)",
        "(?q)",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a)",
        "(?<>a)",
        "(?<1>a)",
        "(?<a-b>a)",
        "(?<a",
        "(?<a>b)(?P<a>c)",
        "(?P=a)",
        "(?#a)",
        "[",
        "[]",
        "[^]",
        "[a",
        "[b-a]",
        "[a-\\d]",
        "[\\d-a]",
        "[a[b]]",
        "[[:foo:]]",
        "[[:Alpha:]]",
        "[a&&b]",
        "[a--b]",
        "[a~~b]",
        "[\\b]",
        "\\",
        "\\q",
        "\\é",
        "\\1",
        "\\p{L}",
        "\\x",
        "\\x4",
        "\\x4g",
        "\\x{}",
        "\\x{41",
        "\\x{110000}",
        "\\ud800",
        "\\b{",
        "\\b{stop}",
        "\\b{start",
        "\\B{start}",
    ] {
        assert_eq!(Pattern::new(pattern).err(), Some(FaultCode::InvalidValue), "{pattern:?}");
        assert!(theirs(pattern).is_some_and(|theirs| theirs.is_err()), "{pattern:?}");
    }
}

#[test]
fn keeps_to_its_limits() {
    let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(finds(&nested(limits::PATTERN_DEPTH), "a"));
    // Without counting, no pattern has too many instructions.
    for unit in ["a", "|", "a*", "a+", "(|)", "a?"] {
        let pattern = unit.repeat(limits::PATTERN_BYTES / unit.len());
        assert!(finds(&pattern, &"a".repeat(limits::PATTERN_BYTES)), "{unit}");
    }
    assert!(finds("^a{2046}$", &"a".repeat(2046)));
    for pattern in [
        nested(limits::PATTERN_DEPTH + 1),
        "(".repeat(1000),
        "a".repeat(limits::PATTERN_BYTES + 1),
        "a{2049}".into(),
        "a{4294967295}".into(),
        "a{0,4294967295}".into(),
        "(?:a{0,46}){0,46}".into(),
        "(a{1000}){1000}".into(),
        "((((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9}){9})".into(),
    ] {
        assert_eq!(Pattern::new(&pattern).err(), Some(FaultCode::LimitExceeded), "{pattern:?}");
    }
    assert!(finds("a$", &"a".repeat(limits::MATCHED_BYTES)));
    assert!(!finds("a$", &"a".repeat(limits::MATCHED_BYTES + 1)));
    let lone_surrogate = Text::from_wtf8(b"a\xed\xa0\x80");
    assert!(!Pattern::new("a").unwrap().finds(lone_surrogate));
}

#[test]
fn keeps_its_text() {
    assert_eq!(Pattern::new("a(b)").unwrap().as_str(), "a(b)");
}

/// Runs a pattern over a text and counts the steps, which must be no more than there are instructions (and an end) between any two
/// characters.
pub(super) fn run(pattern: &str, text: &str) -> (bool, usize) {
    let program = Pattern::new(pattern).expect(pattern).program;
    let mut steps = 0;
    let is_found = program.matches(text, || steps += 1);
    let bound = (program.code.len() + 1) * (text.chars().count() + 1);
    assert!(steps <= bound, "{pattern:?}: {steps} of {bound}");
    (is_found, steps)
}

#[test]
fn takes_linear_time() {
    let long = "x".repeat(limits::MATCHED_BYTES - 1) + "!";
    for pattern in [
        "(x+)+$",
        "(x|xx)+$",
        "(.*)*y",
        "(x+x+)+y",
        "(x*)*(x*)*y",
        "(?:|x|xx|(x|)*)*y",
        "(?:x?){50}x{50}y",
        "(?:[^y!]{1,20}){5}$",
    ] {
        let (is_found, steps) = run(pattern, &long);
        assert!(!is_found && steps > limits::MATCHED_BYTES, "{pattern}: {steps}");
    }
    // A run that can only start at the start ends where it fails.
    assert!(run("^(?:xx|xy)!", &long).1 < 20);
    // What is optional and counted is left out all at once, not one by one at each character.
    let (is_found, steps) = run("^x{0,1000}$", &"x".repeat(1000));
    assert!(is_found && steps < 5000, "{steps}");
}
