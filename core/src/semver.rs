//! Versions as semver.org 2.0.0 writes and orders them, read where they stand: nothing is copied.

use core::cmp::Ordering;

/// A version. Two are equal where neither precedes the other: build metadata does not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version<'a> {
    core: [&'a str; 3],
    /// None for a release, which comes after all its pre-releases.
    pre_release: Option<&'a str>,
}

impl<'a> Version<'a> {
    /// Reads a version, or gives `None` for what is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (text, build) = split(text, '+');
        if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
            return None;
        }
        // The first hyphen: those after it belong to the pre-release.
        let (core, pre_release) = split(text, '-');
        let is_pre_release = |text: &str| text.split('.').all(|part| is_identifier(part) && !has_leading_zero(part));
        if pre_release.is_some_and(|text| !is_pre_release(text)) {
            return None;
        }
        let mut parts = core.split('.');
        let mut number = || parts.next().filter(|part| is_number(part) && !has_leading_zero(part));
        let core = [number()?, number()?, number()?];
        parts.next().is_none().then_some(Self { core, pre_release })
    }

    /// Which of the two has precedence (section 11 of the specification).
    pub(crate) fn precedence(&self, other: &Self) -> Ordering {
        let core = self.core.iter().zip(&other.core).map(|(one, other)| compare_numbers(one, other));
        core.fold(Ordering::Equal, Ordering::then).then_with(|| match (self.pre_release, other.pre_release) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => compare_pre_releases(one, other),
        })
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Only numbers may not have one.
fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && is_number(text)
}

/// Compares numbers of any length by their digits, which have no leading zeros.
fn compare_numbers(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

fn compare_pre_releases(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(one), Some(other)) => match (is_number(one), is_number(other)) {
                (true, true) => compare_numbers(one, other),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => one.cmp(other),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::prelude::v1::*;

    fn compare(one: &str, other: &str) -> Ordering {
        Version::parse(one).unwrap().precedence(&Version::parse(other).unwrap())
    }

    #[test]
    fn orders_as_the_specification_does() {
        let ascending = [
            "0.9.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "2.1.0",
            "2.1.1",
            "2.1.10",
            "99999999999999999999999.0.0",
            "100000000000000000000000.0.0",
        ];
        for (index, one) in ascending.iter().enumerate() {
            for (other_index, other) in ascending.iter().enumerate() {
                assert_eq!(compare(one, other), index.cmp(&other_index), "{one} {other}");
            }
        }
        assert_eq!(compare("1.0.0+build.1", "1.0.0+20130313144700"), Ordering::Equal);
        assert_eq!(compare("1.0.0-a-b.1+x", "1.0.0-a-b.1"), Ordering::Equal);
    }

    #[test]
    fn refuses_what_is_no_version() {
        for text in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "01.2.3",
            "1.02.3",
            "1.2.03",
            "1.2.3-",
            "1.2.3-01",
            "1.2.3-a..b",
            "1.2.3+",
            "1.2.3+a..b",
            "1.2.3-é",
            " 1.2.3",
            "1.2.3 ",
            "1.2.x",
            "-1.2.3",
            "1.2.3-a+b+c",
            "1..3",
            "+1.2.3",
        ] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
        for text in ["0.0.0", "1.2.3--", "1.2.3-0", "1.2.3-01a", "1.2.3+001", "1.2.3-a.0.b-c+0-0.01"] {
            assert!(Version::parse(text).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_is_total(texts in proptest::collection::vec("[0-2]\\.[0-2]\\.[0-2](-(a|1|b-|10)(\\.(1|x|2)){0,2})?", 3)) {
            let [a, b, c] = [&texts[0], &texts[1], &texts[2]];
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            if compare(a, b).is_le() && compare(b, c).is_le() {
                prop_assert!(compare(a, c).is_le());
            }
        }
    }
}
