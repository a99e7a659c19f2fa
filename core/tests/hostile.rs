//! Documents that are made to hurt: each is refused, or degraded with a warning, in bounded time and memory, on a stack as small as wasm's; and what is
//! right still answers. The bounds are generous, and count: what they find is what grows with the square of a document, not a slow machine.

mod suffer;

use burgee_core::{FaultCode, WarningCode, limits};
use suffer::{accepted, degraded, refused, suffer};

/// Texts with commas between them.
fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

fn flags(flags: &str) -> String {
    format!(r#"{{"flags":[{flags}]}}"#)
}

fn flag(key: impl std::fmt::Display, more: &str) -> String {
    format!(r#"{{"key":"{key}","default_variant":"off"{more}}}"#)
}

fn rule(when: &str) -> String {
    format!(r#","rules":[{{"id":"r","when":{when},"serve":{{"variant":"on"}}}}]"#)
}

/// A document of the flag `f`, with one rule that has this condition.
fn of_condition(when: &str) -> String {
    flags(&flag("f", &rule(when)))
}

/// A document of the segment `s` and no flags.
fn of_segment(more: &str) -> String {
    format!(r#"{{"flags":[],"segments":[{{"key":"s",{more}}}]}}"#)
}

/// A text between as many opening and closing ones.
fn nested(depth: usize, open: &str, inner: &str, close: &str) -> String {
    [&open.repeat(depth), inner, &close.repeat(depth)].concat()
}

const INVALID: WarningCode = WarningCode::InvalidFlag;
const WHEN: &str = "/flags/0/rules/0/when";

#[test]
fn deep_nesting() {
    const DEEP: usize = 100_000;
    let (lists, objects) = (nested(DEEP, "[", "", "]"), nested(DEEP, r#"{"a":"#, "1", "}"));
    refused("a list", &*lists, FaultCode::WrongType, "");
    refused("a list without end", "[".repeat(DEEP), FaultCode::InvalidJson, "");
    refused("an object without end", r#"{"flags":[{"a":"#.repeat(DEEP), FaultCode::InvalidJson, "");
    refused("objects", &*objects, FaultCode::Missing, "/flags");
    for (what, deep) in [("lists", &lists), ("objects", &objects)] {
        accepted(what, format!(r#"{{"flags":[],"x":{deep}}}"#));
        refused(what, format!(r#"{{"flags":{deep},"tenant":1}}"#), FaultCode::WrongType, "/tenant");
        refused(what, format!(r#"{{"flags":[],"version":{deep}}}"#), FaultCode::WrongType, "/version");
        degraded(what, flags(&flag("f", &format!(r#","x":{deep}"#))), INVALID, "/flags/0");
        degraded(what, flags(deep), INVALID, "/flags/0");
    }
    // Small enough to be parsed, and too deep for it.
    degraded(
        "lists in a flag",
        flags(&flag("f", &format!(r#","x":{}"#, nested(30_000, "[", "", "]")))),
        INVALID,
        "/flags/0",
    );
    accepted("127 levels", flags(&flag("f", &format!(r#","x":{}"#, nested(126, "[", "", "]")))));
    degraded("128 levels", flags(&flag("f", &format!(r#","x":{}"#, nested(127, "[", "", "]")))), INVALID, "/flags/0");
}

#[test]
fn deep_conditions() {
    for (open, close) in
        [(r#"{"not":"#, "}"), (r#"{"all":["#, "]}"), (r#"{"any":["#, "]}"), (r#"{"any":[],"not":"#, "}")]
    {
        for depth in [10_000, 5_000, 200] {
            let when = nested(depth, open, r#"{"attr":{"a":1}}"#, close);
            degraded(&format!("{depth} of {open}"), of_condition(&when), INVALID, "/flags/0");
            let segment = of_segment(&format!(r#""conditions":{when}"#));
            degraded(open, segment, WarningCode::InvalidSegment, "/segments/0");
        }
    }
    accepted("16", of_condition(&nested(15, r#"{"not":"#, r#"{"attr":{"a":1}}"#, "}")));
    let pointer = [WHEN, &"/not".repeat(16)].concat();
    degraded("17", of_condition(&nested(16, r#"{"not":"#, r#"{"attr":{"a":1}}"#, "}")), INVALID, &pointer);
}

#[test]
fn lists_at_their_limits() {
    let most = limits::LIST_ITEMS;
    let (short, long) = (list(most, |n| format!("{n}")), list(most + 1, |n| format!("{n}")));
    let of_values = |list: &str| of_condition(&format!(r#"{{"attr":"b","op":"in","values":[{list}]}}"#));
    accepted("values", of_values(&short));
    degraded("one value more", of_values(&long), INVALID, &[WHEN, "/values"].concat());
    let [short, long] = [most, most + 1].map(|count| list(count, |n| format!(r#""{n}""#)));
    for name in ["include", "exclude"] {
        accepted(name, of_segment(&format!(r#""{name}":[{short}]"#)));
        let pointer = format!("/segments/0/{name}");
        degraded(name, of_segment(&format!(r#""{name}":[{long}]"#)), WarningCode::InvalidSegment, &pointer);
    }
    let [short, long] = [most, most + 1].map(|count| list(count, |_| r#""u""#.into()));
    for (before, after, pointer) in [
        (r#","tags":["#, "]", "/flags/0/tags"),
        (r#","targets":{"deny":["#, "]}", "/flags/0/targets/deny"),
        (r#","targets":{"allow":[{"variant":"on","ids":["#, "]}]}", "/flags/0/targets/allow/0/ids"),
    ] {
        accepted(pointer, flags(&flag("f", &[before, &short, after].concat())));
        degraded(pointer, flags(&flag("f", &[before, &long, after].concat())), INVALID, pointer);
    }
    let many = |count, item: &str| list(count, |n| item.replace('#', &n.to_string()));
    for (name, item, most) in [
        ("rules", r##"{"id":"#","serve":{"variant":"on"}}"##, limits::RULES),
        ("variants", r##"{"key":"#","value":true}"##, limits::VARIANTS),
    ] {
        let of = |count| flags(&format!(r#"{{"key":"f","{name}":[{}]}}"#, many(count, item)));
        accepted(name, of(most));
        degraded(name, of(most + 1), INVALID, &format!("/flags/0/{name}"));
    }
    for (name, item, most) in [
        ("flags", r##"{"key":"f#"}"##, limits::FLAGS),
        ("segments", r##"{"key":"s#"}"##, limits::SEGMENTS),
        ("overrides", r##"{"scope":"user","id":"#","flag":"f0","variant":true}"##, limits::OVERRIDES),
        ("kill_switches", r##"{"category":"#"}"##, limits::LIST_ITEMS),
    ] {
        let of = |count| format!(r#"{{"flags":[{{"key":"f0"}}],"{name}":[{}]}}"#, many(count, item));
        accepted(name, of(most));
        refused(name, of(most + 1), FaultCode::LimitExceeded, &format!("/{name}"));
    }
}

#[test]
fn patterns_that_look_catastrophic() {
    let of = |pattern: &str| of_condition(&format!(r#"{{"attr":"a","op":"matches","value":"{pattern}"}}"#));
    for pattern in
        ["(x+)+$", "(x+x+)+y", "(x|xx)+y", "(.*)*(.*)*y", "(?:x?){500}x{500}y", "(x*)*|(x*)*|y$", "[^y]{1000}$"]
    {
        accepted(pattern, of(pattern));
    }
    let fill = |unit: &str| unit.repeat(limits::PATTERN_BYTES / unit.len());
    for unit in ["(x*)*", "x*", "(|)", "[^y]", "(?i)x", ".*?", "\\\\w+"] {
        let pattern = fill(unit);
        accepted(unit, of(&pattern[..pattern.len() - pattern.len() % unit.len()]));
    }
    let value = [WHEN, "/value"].concat();
    for pattern in [
        "((((x{9}){9}){9}){9}){9}".to_owned(),
        "x{4294967295}".into(),
        "(?:x{0,99}){0,99}".into(),
        "x".repeat(limits::PATTERN_BYTES + 1),
        nested(500, "(", "x", ")"),
        nested(500, "[", "x", "]"),
        "(x+)\\\\1".into(),
        "(?=x+)y".into(),
    ] {
        degraded(&pattern, of(&pattern), INVALID, &value);
    }
    // Each is within its limits; together they are minutes.
    let slow = r#"{"attr":"a","op":"matches","value":"(?:x?){300}(?:x?){300}(?:x?){300}y"}"#;
    degraded(
        "many",
        of_condition(&format!(r#"{{"any":[{}]}}"#, list(800, |_| slow.into()))),
        INVALID,
        "/flags/0/rules",
    );
    accepted("a few", of_condition(&format!(r#"{{"any":[{}]}}"#, list(8, |_| slow.into()))));
}

#[test]
fn conditions_that_multiply() {
    let any = |count, item: &str| format!(r#"{{"any":[{}]}}"#, list(count, |_| item.into()));
    let segment = any(10_000, r#"{"attr":"a","op":"equals","value":"y"}"#);
    let of = |count| {
        let flag = flag("f", &rule(&any(count, r#"{"segment":"s"}"#)));
        format!(r#"{{"segments":[{{"key":"s","conditions":{segment}}}],"flags":[{flag}]}}"#)
    };
    accepted("one reference", of(1));
    degraded("thousands of references", of(3_000), INVALID, "/flags/0/rules");
    let large = format!(r#"{{"all":[{}]}}"#, list(3, |_| any(9_000, r#"{"attr":{"a":1}}"#)));
    let large = of_segment(&format!(r#""criteria":{large}"#));
    degraded("a large segment", large, WarningCode::InvalidSegment, "/segments/0/criteria");
}

#[test]
fn attributes_without_end() {
    let names = |of: usize, per_flag: usize| {
        let flag = |n| {
            flag(
                format!("f{n}"),
                &rule(&format!(r#"{{"attr":{{{}}}}}"#, list(per_flag, |k| format!(r#""{:x}":1"#, n * per_flag + k)))),
            )
        };
        flags(&list(of / per_flag, flag))
    };
    accepted("as many as there may be", names(limits::ATTRIBUTES - 10, 1_998));
    refused("one more for each flag", names(50_000, 5_000), FaultCode::LimitExceeded, "");
    refused("millions", names(2_500_000, 5_000), FaultCode::LimitExceeded, "");
}

#[test]
fn repeated_names() {
    let twice = |name: &str, one: &str, two: &str| format!(r#"{{"{name}":{one},"flags":[],"{name}":{two}}}"#);
    accepted("the last counts", twice("version", "\"x\"", "1"));
    refused("the last counts", twice("version", "1", "\"x\""), FaultCode::WrongType, "/version");
    let many = |name: &str, value: &str, count| list(count, |_| format!(r#""{name}":{value}"#));
    accepted("of the document", format!("{{{}}}", many("flags", "[{\"key\":\"f\"}]", 100_000)));
    accepted("of nobody's", format!(r#"{{{},"flags":[]}}"#, many("", "0", 1_000_000)));
    let inner = many("any", "[]", 5_000);
    accepted("of a condition", of_condition(&format!("{{{inner}}}")));
    accepted("of a flag", flags(&format!("{{{}}}", many("key", "\"f\"", 5_000))));
    accepted("of attributes", of_condition(&format!(r#"{{"attr":{{{}}}}}"#, many("a", "1", 8_000))));
    accepted("of metadata", flags(&flag("f", &format!(r#","metadata":{{{}}}"#, many("a", "1", 8_000)))));
    let stages = format!(r#","rollout_stage":"full","rollout_stage_map":{{{}}}"#, many("prod", "\"draft\"", 3_000));
    accepted("of environments", flags(&flag("f", &stages)));
    // Different names, which are compared with each other too.
    let names = list(100_000, |n| format!(r#""{n}":1"#));
    let names = of_segment(&format!(r#""conditions":{{{names}}}"#));
    degraded("unknown members", names, WarningCode::InvalidSegment, "/segments/0/conditions/0");
    let keys = suffer(
        "keys",
        format!(
            r#"{{"flags":[{0}],"segments":[{1}]}}"#,
            list(10_000, |_| flag("f", "")),
            list(1_000, |_| r#"{"key":"s"}"#.into())
        ),
    )
    .unwrap();
    assert_eq!(keys.len(), 9_999 + 999);
    let rows = list(10_000, |_| r#"{"scope":"user","id":"u","flag":"f","variant":true}"#.into());
    let rows = suffer("rows", format!(r#"{{"flags":[{{"key":"f"}}],"overrides":[{rows}]}}"#)).unwrap();
    assert_eq!(rows.len(), 9_999);
    degraded(
        "rules",
        flags(&flag("f", &format!(r#","rules":[{}]"#, list(100, |_| r#"{"id":"r","serve":{"variant":"on"}}"#.into())))),
        INVALID,
        "/flags/0/rules/1/id",
    );
}

#[test]
fn numbers_that_are_none() {
    let of =
        |number: &str| flags(&format!(r#"{{"key":"f","type":"json","variants":[{{"key":"a","value":{number}}}]}}"#));
    for number in ["NaN", "Infinity", "-Infinity", "nan", "0x10", "01", "1.", ".5", "+1", "1e", "--1", "1_000"] {
        refused(number, of(number), FaultCode::InvalidJson, "");
    }
    for number in ["1e999", "-1e999", &format!("1{}", "0".repeat(400))] {
        degraded(number, of(number), INVALID, "/flags/0");
        refused(number, format!(r#"{{"flags":[],"version":{number}}}"#), FaultCode::WrongType, "/version");
        accepted(number, format!(r#"{{"flags":[],"x":{number}}}"#));
    }
    for number in ["-0", "-0.0", "1e-400", "9007199254740993", "-9223372036854775808", "18446744073709551616", "1e308"]
    {
        accepted(number, of(number));
        let between = format!(r#"{{"attr":"b","op":"between","values":[-1e308,{number}]}}"#);
        accepted(number, of_condition(&between));
    }
    for (number, is_version) in
        [("-0", true), ("1e-400", true), ("9007199254740991", true), ("9007199254740993", false)]
    {
        let outcome = suffer(number, format!(r#"{{"flags":[],"version":{number}}}"#));
        assert_eq!(outcome.is_ok(), is_version, "{number}");
    }
    let digits = "3".repeat(5_000_000);
    accepted(
        "millions of digits",
        format!(r#"{{"flags":[],"x":{digits},"y":0.{digits},"version":1.{}}}"#, "0".repeat(1_000_000)),
    );
    refused("millions of digits", format!(r#"{{"flags":[],"version":1.{digits}}}"#), FaultCode::WrongType, "/version");
    refused("an exponent", format!(r#"{{"flags":[],"version":1e{digits}}}"#), FaultCode::WrongType, "/version");
    let weights = [r#"{"variant":"on","weight":1e308}"#, r#"{"variant":"off","weight":1e308}"#].join(",");
    degraded(
        "an infinite sum",
        flags(&flag("f", &format!(r#","fallthrough":{{"distribution":[{weights}]}}"#))),
        INVALID,
        "/flags/0/fallthrough/distribution",
    );
}

#[test]
fn sizes() {
    let filled = |bytes: usize| {
        let (before, after) = (r#"{"flags":[{"key":"f"}],"x":""#, r#""}"#);
        [before, &"x".repeat(bytes - before.len() - after.len()), after].concat()
    };
    accepted("25 MiB", filled(limits::SNAPSHOT_BYTES));
    refused("25 MiB and one", filled(limits::SNAPSHOT_BYTES + 1), FaultCode::LimitExceeded, "");
    let fill = |unit: &str, bytes: usize| [unit, ","].concat().repeat(bytes / (unit.len() + 1)) + unit;
    let most = limits::SNAPSHOT_BYTES - 1_000;
    refused("millions of flags", flags(&fill("0", most)), FaultCode::LimitExceeded, "/flags");
    for unit in ["0", "[]", "{}", r#"{"":0}"#] {
        degraded(unit, flags(&flag("f", &format!(r#","x":[{}]"#, fill(unit, most)))), INVALID, "/flags/0");
        degraded(
            unit,
            of_segment(&format!(r#""x":[{}]"#, fill(unit, most / 4))),
            WarningCode::InvalidSegment,
            "/segments/0",
        );
        let row = format!(r#"{{"flags":[],"overrides":[{{"x":[{}]}}]}}"#, fill(unit, most / 4));
        degraded(unit, row, WarningCode::InvalidOverride, "/overrides/0");
    }
    accepted("a large segment", of_segment(&format!(r#""x":[{}]"#, fill("0", limits::SEGMENT_BYTES - 100))));
    let value = |bytes| {
        flags(&format!(r#"{{"key":"f","type":"json","variants":[{{"key":"a","value":"{}"}}]}}"#, "x".repeat(bytes)))
    };
    accepted("a value", value(limits::JSON_VALUE_BYTES - 2));
    degraded("a value", value(limits::JSON_VALUE_BYTES - 1), INVALID, "/flags/0/variants/0/value");
}

#[test]
fn strings_that_are_long_or_broken() {
    let long = "x".repeat(10_000_000);
    accepted(
        "a tenant",
        format!(
            r#"{{"tenant":"{long}","flags":[{}]}}"#,
            list(3, |n| flag(format!("f{n}"), r#","fallthrough":{"distribution":[{"variant":"on","weight":1}]}"#))
        ),
    );
    accepted("a name", format!(r#"{{"{long}":1,"flags":[]}}"#));
    degraded("a key", flags(&flag("x".repeat(60_000), "")), INVALID, "/flags/0/key");
    degraded(
        "an id of a rule",
        flags(&flag("f", &format!(r#","rules":[{{"id":"{}","serve":{{"variant":"on"}}}}]"#, &long[..60_000]))),
        INVALID,
        "/flags/0/rules/0/id",
    );
    // Thousands of faults, each with a pointer that is nearly as long as the flag.
    let faults =
        |name: usize, items| format!(r#"{{"attr":{{"{}":[{}]}}}}"#, &long[..name], list(items, |_| "null".into()));
    let of = |n| flag(format!("f{n}"), &rule(&faults(30_000, 6_500)));
    assert_eq!(suffer("long pointers", flags(&list(20, of))).unwrap().len(), 20);
    let segment = of_segment(&format!(r#""conditions":{}"#, faults(900_000, 10_000)));
    assert_eq!(suffer("longer pointers", segment).unwrap().len(), 1);
    let escaped = flags(&flag("f", &format!(r#","metadata":{{"{}":null}}"#, "~/".repeat(20_000))));
    assert_eq!(suffer("a pointer that is escaped", escaped).unwrap()[0].1.len(), "/flags/0/metadata/".len() + 80_000);
    for broken in ["\\ud800", "\\udc00\\ud800", "x\\udfff"] {
        degraded(broken, flags(&flag("f", &format!(r#","x":"{broken}""#))), INVALID, "/flags/0");
        degraded(broken, flags(&flag("f", &format!(r#","{broken}":1"#))), INVALID, "/flags/0");
        degraded(broken, of_segment(&format!(r#""include":["{broken}"]"#)), WarningCode::InvalidSegment, "/segments/0");
        refused(broken, format!(r#"{{"flags":[],"tenant":"{broken}"}}"#), FaultCode::WrongType, "/tenant");
        accepted(broken, format!(r#"{{"flags":[],"{broken}":"{broken}"}}"#));
    }
    for bytes in
        [&b"{\"flags\":[\"\xed\xa0\x80\"]}"[..], b"\xff", b"\xef\xbb\xbf{\"flags\":[]}", b"{\"flags\":[\"\0\"]}", b""]
    {
        refused("bytes", bytes, FaultCode::InvalidJson, "");
    }
}

/// The places of the flags that the flag of a place needs.
type Needs<'a> = &'a dyn Fn(usize) -> Vec<usize>;

#[test]
fn prerequisites_that_explode() {
    let of = |count: usize, needs: Needs<'_>| {
        flags(&list(count, |n| {
            let needs = needs(n);
            let needs = list(needs.len(), |k| format!(r#"{{"flag":"f{}","variants":["on","off"]}}"#, needs[k]));
            format!(r#"{{"key":"f{n}","prerequisites":[{needs}]}}"#)
        }))
    };
    let cases: [(&str, usize, Needs<'_>); 5] = [
        ("a chain", 10_000, &|n| n.checked_sub(1).into_iter().collect()),
        ("a chain the other way", 10_000, &|n| if n < 9_999 { vec![n + 1] } else { vec![] }),
        ("a circle", 10_000, &|n| vec![(n + 1) % 10_000]),
        ("layers", 500, &|n| (0..if n < 100 { 0 } else { 100 }).map(|k| n / 100 * 100 - 100 + k).collect()),
        ("all of all", 100, &|_| (0..100).collect()),
    ];
    for (what, count, needs) in cases {
        let warnings = suffer(what, of(count, needs)).unwrap();
        let codes = [WarningCode::PrerequisiteLimit, WarningCode::PrerequisiteCycle];
        assert!(!warnings.is_empty() && warnings.iter().all(|(code, _)| codes.contains(code)), "{what}");
    }
}

#[test]
fn as_much_as_there_may_be_of_everything() {
    let ids = list(3_000, |n| format!(r#""{n:04}""#));
    let segments = list(limits::SEGMENTS, |n| format!(r#"{{"key":"s{n}","include":[{ids}]}}"#));
    accepted("segments full of ids", format!(r#"{{"flags":[],"segments":[{segments}]}}"#));
    let rules = |count| list(count, |n| format!(r#"{{"id":"{n}","serve":{{"variant":"on"}}}}"#));
    let of = |count| flags(&list(limits::FLAGS, |n| format!(r#"{{"key":"f{n}","rules":[{}]}}"#, rules(count))));
    accepted("flags full of rules", of(60));
    refused("flags with 100 rules", of(100), FaultCode::LimitExceeded, "");
    let rollouts = list(100, |n| format!(r#"{{"id":"{n}","percentage":5,"serve":{{"variant":"on"}}}}"#));
    let rollouts = list(1_000, |n| format!(r#"{{"key":"f{n}","bucketing":"djb2-xor","rules":[{rollouts}]}}"#));
    accepted("rollouts", flags(&rollouts));
    let category = "x".repeat(1_000);
    let killed = list(10_000, |n| format!(r#"{{"key":"f{n}","kill_switch":"{category}a"}}"#));
    let switches = list(10_000, |n| format!(r#"{{"category":"{category}{n}"}}"#));
    accepted("switches", format!(r#"{{"flags":[{killed}],"kill_switches":[{switches}]}}"#));
    let same = format!(r#"{{"all":[{}]}}"#, list(3_000, |_| r#"{"attr":{"a":"x"}}"#.into()));
    let twice = list(2, |n| format!(r#"{{"id":"{n}","when":{same},"serve":{{"variant":"on"}}}}"#));
    accepted("equal conditions", flags(&list(20, |n| if n % 2 == 0 { flag(n, &rule(&same)) } else { flag(n, "") })));
    degraded("equal conditions", flags(&flag("f", &format!(r#","rules":[{twice}]"#))), INVALID, "/flags/0");
    let versions = list(10_000, |n| format!(r#"{{"attr":"a","op":"semver_gt","value":"1.0.{n}"}}"#));
    accepted("versions", of_segment(&format!(r#""conditions":{{"all":[{versions}]}}"#)));
    let values = list(10_000, |n| n.to_string());
    let lists = list(18, |n| {
        format!(r#"{{"attr":"b","op":"{}","values":[{values}]}}"#, if n % 2 == 0 { "in" } else { "not_in" })
    });
    accepted("lists", of_segment(&format!(r#""conditions":{{"all":[{lists}]}}"#)));
}
