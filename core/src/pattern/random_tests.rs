//! Random patterns, on which we and regex-lite must agree.

use std::prelude::v1::*;
use std::{env, format};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::Pattern;
use super::tests::{difference, run};

/// How often to compare: PROPTEST_CASES, or what takes a second.
fn config(cases: u32) -> ProptestConfig {
    let given = env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::with_cases(given.unwrap_or(cases)) }
}

fn flags() -> impl Strategy<Value = String> {
    let some = || subsequence(vec!["i", "m", "s", "R", "U", "x", "u"], 0..4).prop_map(|flags| flags.concat());
    (some(), some()).prop_map(|(set, removed)| {
        let removed: String = removed.chars().filter(|flag| !set.contains(*flag)).collect();
        if removed.is_empty() { set } else { format!("{set}-{removed}") }
    })
}

fn character() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(vec!["a", "b", "c", "A", "B", "z", "0", "_", "-", "é", "É", "😀", "\n", "\r", "K", "k", "\u{212a}", "ſ"]),
        2 => select(vec![" ", "#", "]", "}", ",", ":", "&", "~", "\t", "\u{a0}", "\u{85}"]),
        1 => select(vec![r"\n", r"\r", r"\t", r"\x41", r"\x{e9}", r"\u0061", r"\U{1F600}", r"\U0000005F", r"\-", r"\ ", r"\\", r"\^"]),
        1 => select(vec![r"\a", r"\f", r"\v", r"\]", r"\[", r"\.", r"\#", r"\x{ 4 1 }"]),
    ]
    .prop_map(String::from)
}

fn class() -> impl Strategy<Value = String> {
    let name = select(vec![
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ]);
    let item = prop_oneof![
        6 => character(),
        3 => (character(), character()).prop_map(|(one, other)| format!("{}-{}", one.clone().min(other.clone()), one.max(other))),
        1 => (character(), character()).prop_map(|(first, last)| format!("{first}-{last}")),
        2 => select(vec![r"\d", r"\D", r"\s", r"\S", r"\w", r"\W"]).prop_map(String::from),
        2 => (any::<bool>(), name).prop_map(|(negated, name)| format!("[:{}{name}:]", if negated { "^" } else { "" })),
    ];
    (
        select(vec!["", "^", "", "^", "-", "^-", "]", "^]", " ^"]),
        prop::collection::vec(item, 1..4),
        select(vec!["", "", "-", "^"]),
    )
        .prop_map(|(start, items, end)| format!("[{start}{}{end}]", items.concat()))
}

/// Patterns of all syntax, most of them valid.
fn pattern() -> impl Strategy<Value = String> {
    let anchor = select(vec!["^", "$", r"\A", r"\z", r"\b", r"\B", r"\<", r"\>"]);
    let boundary = select(vec![r"\b{start}", r"\b{end}", r"\b{start-half}", r"\b{end-half}"]);
    let leaf = prop_oneof![
        8 => character(),
        2 => Just(".".to_owned()),
        3 => anchor.prop_map(String::from),
        1 => boundary.prop_map(String::from),
        2 => select(vec![r"\d", r"\D", r"\s", r"\S", r"\w", r"\W"]).prop_map(String::from),
        4 => class(),
        1 => flags().prop_map(|flags| if flags.is_empty() { flags } else { format!("(?{flags})") }),
        1 => select(vec!["", "#a\n", " ", "(?<a>b)", "(?P<b>)", "\\b {start}", "\\b{ end }", "\\b{ 2}"]).prop_map(String::from),
    ];
    let count = prop_oneof![
        6 => select(vec!["*", "+", "?", "*?", "+?", "??", " *", " ?", "+ ?"]).prop_map(String::from),
        1 => (0..4u8).prop_map(|count| format!("{{{count}}}")),
        1 => (0..4u8).prop_map(|count| format!("{{ {count},}}")),
        2 => (0..4u8, 0..3u8).prop_map(|(min, more)| format!("{{{min},{}}}", min + more)),
        1 => (0..4u8, 0..3u8).prop_map(|(min, more)| format!("{{{min} , {}}} ?", min + more)),
    ];
    let pattern = leaf.prop_recursive(5, 24, 4, move |inner| {
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 1..5).prop_map(|items| items.concat()),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|items| items.join("|")),
            3 => (inner.clone(), count.clone()).prop_map(|(item, count)| format!("(?:{item}){count}")),
            2 => (inner.clone(), count.clone()).prop_map(|(item, count)| format!("{item}{count}")),
            1 => inner.clone().prop_map(|inner| format!("({inner})")),
            1 => (flags(), inner).prop_map(|(flags, inner)| format!("(?{flags}:{inner})")),
        ]
    });
    (select(vec!["", "", "", "(?i)", "(?x)", "(?m)", "(?mR)", "(?s)", "^"]), pattern, select(vec!["", "", "$"]))
        .prop_map(|(start, pattern, end)| format!("{start}{pattern}{end}"))
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    let char = select(vec![
        'a', 'b', 'c', 'A', 'B', 'C', 'z', '0', '_', '-', ' ', '\n', '\r', '\t', 'é', 'É', '😀', '#', ']', 'K', 'k',
        '\u{212a}', 'ſ', '&',
    ]);
    let text = prop::collection::vec(char, 0..10).prop_map(|chars| chars.into_iter().collect());
    prop::collection::vec(prop_oneof![12 => text, 1 => Just(String::new()), 1 => any::<String>()], 6)
}

/// Parts of the syntax in any order, most of it invalid.
fn garbage() -> impl Strategy<Value = String> {
    let part = select(vec![
        "a", "b", "z", "é", "²", "1", "0", "\n", " ", "#", ".", "|", "(", ")", ")", "[", "[^", "]", "]", "{", "}", "*",
        "+", "?", "\\", "^", "$", ",", "-", "_", ":", "=", "!", "<", ">", "&", "&&", "--", "~~", "(?", "(?i", "(?x)",
        "(?-x", "(?P<", "(?<", "i", "s", "R", "U", "u", "P", "[:", "[:^", ":]", "alpha", "\\b", "\\b{", "start",
        "end-half", "{2", "{2,", "{2,1", "\\x", "\\x{", "\\u", "\\U", "41", "0061", "0000005F", "d800", "\\d", "\\W",
        "\\A", "\\z", "\\<", "\\p{L}", "\\1", "[a-", "[b-a]", "\u{a0}",
    ]);
    prop_oneof![
        4 => prop::collection::vec(part.clone(), 0..10).prop_map(|parts| parts.concat()),
        1 => any::<String>(),
        // A valid pattern with one part put in, or some taken out.
        4 => (pattern(), part, any::<prop::sample::Index>(), 0..3usize).prop_map(|(pattern, part, at, gone)| {
            let chars: Vec<char> = pattern.chars().collect();
            let at = at.index(chars.len() + 1);
            let rest = chars.iter().skip(at + gone);
            let part = if gone == 1 { "" } else { part };
            chars.iter().take(at).copied().chain(part.chars()).chain(rest.copied()).collect()
        }),
    ]
}

/// Valid patterns where what is blank stands anywhere.
fn verbose() -> impl Strategy<Value = String> {
    let blank = select(vec![" ", "\n", "#\n", "#-\n", "# ]a\n", "#?", "\u{a0}"]);
    let places = prop::collection::vec((any::<prop::sample::Index>(), blank), 1..5);
    (pattern(), places).prop_map(|(pattern, places)| {
        let mut chars: Vec<char> = pattern.chars().collect();
        for (place, blank) in places {
            let place = place.index(chars.len() + 1);
            chars.splice(place..place, blank.chars());
        }
        format!("(?x){}", String::from_iter(chars))
    })
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn answers_as_regex_lite(pattern in pattern(), texts in texts()) {
        prop_assert_eq!(difference(&pattern, &texts), None);
    }

    #[test]
    fn skips_blanks_as_regex_lite(pattern in verbose(), texts in texts()) {
        prop_assert_eq!(difference(&pattern, &texts), None);
    }

    #[test]
    fn refuses_as_regex_lite(pattern in garbage(), texts in texts()) {
        prop_assert_eq!(difference(&pattern, &texts), None);
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn classes_hold_what_those_of_regex_lite_hold(class in class(), flags in select(vec!["", "(?i)", "(?i)", "(?x)"])) {
        let others = ['é', 'É', 'ſ', '\u{212a}', '\u{85}', '\u{a0}', '\u{d7ff}', '\u{e000}', '😀', char::MAX];
        let texts: Vec<String> = (0..128u8).map(char::from).chain(others).map(String::from).collect();
        prop_assert_eq!(difference(&format!("{flags}{class}"), &texts), None);
    }

    #[test]
    fn takes_no_more_steps_than_it_may(pattern in pattern(), texts in texts()) {
        if Pattern::new(&pattern).is_ok() {
            for text in texts {
                run(&pattern, &text);
            }
        }
    }
}
