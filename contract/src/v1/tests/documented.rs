//! The commands of `docs/api.md`, in their order.

use super::*;

const PAGE: &str = include_str!("../../../../docs/api.md");

#[test]
fn what_the_page_shows_works() {
    let mut world = World::new("acme");
    let mut ran = 0;
    for line in PAGE.lines().filter_map(|line| line.strip_prefix("$ api ")) {
        let (method, rest) = line.split_once(' ').unwrap();
        // A path with a query stands in quotes, as bodies do.
        let rest = rest.strip_prefix('\'').unwrap_or(rest);
        let end = rest.find([' ', '\'']).unwrap_or(rest.len());
        let (target, rest) = rest.split_at(end);
        let body = rest.trim_matches([' ', '\'']);
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        let shown = PAGE.lines().skip_while(|other| !other.ends_with(line)).nth(1).filter(|next| next.starts_with('{'));
        let got = world.ok(method, target, body);
        if let Some(shown) = shown {
            assert_eq!(got, serde_json::from_str::<Value>(shown).unwrap(), "{line}");
        }
        world.now += 1000;
        ran += 1;
    }
    assert_eq!(ran, PAGE.matches("$ api ").count());
    assert!(ran >= 19, "{ran}");
}

#[test]
fn the_refusal_that_the_page_shows() {
    let mut world = World::new("acme");
    let got = world.call("POST", "/v1/flags", json!({"key": "a b", "type": "colour"}));
    assert_eq!((got.status, got.pointers()), (422, vec!["/key", "/type"]));
    assert!(PAGE.contains(got.json["detail"].as_str().unwrap()), "{}", got.json);
    assert!(PAGE.contains(got.json["errors"][1]["message"].as_str().unwrap()), "{}", got.json);
}
