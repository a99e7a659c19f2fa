//! Where webhooks may go. What this cannot tell apart it refuses: a URL that another parser might read differently, above all in its host.
//!
//! A name can lead to a private address all the same, and to another one each time. Whoever sends must see to that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::command::Policy;

/// Bytes of a webhook's URL.
pub(crate) const URL_BYTES: usize = 2_048;

/// Why a URL is refused, in words that fit behind "must".
pub(crate) type Refusal = &'static str;

/// The parts of a URL that count here.
struct Url<'a> {
    is_https: bool,
    /// In lower case, an IPv6 address in its brackets.
    host: String,
    port: Option<&'a str>,
}

/// Checks a webhook's URL.
pub(crate) fn check(url: &str, policy: &Policy) -> Result<(), Refusal> {
    let url = split(url)?;
    let name = match url.port {
        Some(port) if port != if url.is_https { "443" } else { "80" } => format!("{}:{port}", url.host),
        _ => url.host.clone(),
    };
    if policy.webhook_hosts.iter().any(|host| host.eq_ignore_ascii_case(&name)) {
        return Ok(());
    }
    if !url.is_https {
        return Err("be https");
    }
    check_host(&url.host)
}

/// The URL without what could hold a secret: scheme, host and port.
pub(crate) fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |place| place.saturating_add(3));
    let rest = url.get(after_scheme..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len()).saturating_add(after_scheme);
    url.get(..end).unwrap_or_default()
}

fn split(url: &str) -> Result<Url<'_>, Refusal> {
    if url.len() > URL_BYTES {
        return Err("have at most 2,048 bytes");
    }
    // Backslashes, tabs and line breaks are slashes, or nothing, to some parsers.
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && !br#"\"<>^`{|}#"#.contains(&byte)) {
        return Err(
            "have no spaces, control characters, fragment or any of \\ \" < > ^ ` { | }, and nothing beyond ASCII",
        );
    }
    let (scheme, rest) = url.split_once("://").ok_or("start with https://")?;
    let is_https = scheme.eq_ignore_ascii_case("https");
    if !is_https && !scheme.eq_ignore_ascii_case("http") {
        return Err("start with https://");
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("have no user name or password");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| !port.starts_with('0') && port.len() <= 5 && port.parse::<u16>().is_ok();
    // `parse` alone would take a sign.
    if port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit()) || !is_port(port)) {
        return Err("have a port from 1 to 65535, or none");
    }
    Ok(Url { is_https, host: host.to_ascii_lowercase(), port })
}

fn check_host(host: &str) -> Result<(), Refusal> {
    const PRIVATE: Refusal = "not name a loopback, private, link-local or otherwise special address";
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        return if is_public(IpAddr::V6(address.ok_or("have a host that is a name or an address")?)) {
            Ok(())
        } else {
            Err(PRIVATE)
        };
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err("have a host of letters, digits and hyphens between dots, without a dot at its end");
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    // To a URL parser, a host that ends in a number is an IPv4 address: 2130706433, 0x7f.1 and 0177.0.0.1 are all 127.0.0.1.
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_number {
        // Four decimal numbers without leading zeros, and nothing else.
        let address = host.parse::<Ipv4Addr>().map_err(|_| "write an IPv4 address as four decimal numbers")?;
        return if is_public(IpAddr::V4(address)) { Ok(()) } else { Err(PRIVATE) };
    }
    let is_internal = ["localhost", "local", "internal"].contains(&last);
    if is_internal || !host.contains('.') {
        return Err("have a host with a dot, and not under .localhost, .local or .internal");
    }
    Ok(())
}

/// Whether an address is one of the open internet's, as far as its blocks tell (the registries of special-purpose addresses, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    !matches!(
        v4.octets(),
        // This network, private, loopback, link-local, carriers' NAT.
        [0 | 10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..] | [100, 64..=127, ..]
        // Protocols, documentation, 6to4 relays, benchmarks.
        | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _]
        // Multicast, reserved, broadcast.
        | [224..=255, ..]
    )
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        // Mapped, translated (NAT64) and 6to4 addresses are as public as what they stand for.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        // Protocols and Teredo, documentation (the second of which has 20 bits).
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // What is given out is 2000::/3; the rest is loopback, link-local, unique local, multicast, or nobody's.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_public_https_alone() {
        let good = [
            "https://example.com",
            "https://example.com/hook?x=1&y=%20",
            "HTTPS://Hooks.Example.com:8443/a",
            "https://xn--bcher-kva.example/",
            "https://93.184.216.34/",
            "https://[2606:2800:220:1:248:1893:25c8:1946]:443/",
            "https://[::ffff:93.184.216.34]/",
            "https://[64:ff9b::5db8:d822]/",
            "https://local.example.com/",
            "https://1.example.com/",
            "https://a.0xyz/",
        ];
        let bad = [
            "",
            "example.com",
            "http://example.com/",
            "ftp://example.com/",
            "https:example.com",
            "https:/example.com",
            "https:///example.com",
            "https://",
            "https://user@example.com/",
            "https://user:pw@example.com/",
            "https://example.com@10.0.0.1/",
            "https://example.com\\@10.0.0.1/",
            "https://10.0.0.1\\@example.com/",
            "https://exam\tple.com/",
            "https://example.com/ x",
            "https://exämple.com/",
            "https://ex%61mple.com/",
            "https://example.com#x",
            "https://example.com./",
            "https://.example.com/",
            "https://a..example.com/",
            "https://-a.example.com/",
            "https://a_b.example.com/",
            "https://example.com:0/",
            "https://example.com:65536/",
            "https://example.com:+80/",
            "https://example.com:/",
            "https://localhost/",
            "https://LOCALHOST:8080/",
            "https://foo.localhost/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://intranet/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.0.0.1/",
            "https://127.0.0.0x1/",
            "https://0177.0.0.1/",
            "https://a.0x/",
            "https://foo.1/",
            "https://0.0.0.0/",
            "https://10.1.2.3/",
            "https://172.16.0.1/",
            "https://172.31.255.255/",
            "https://192.168.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://192.0.2.1/",
            "https://198.18.0.1/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::127.0.0.1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[64:ff9b:1::1]/",
            "https://[2002:7f00:1::]/",
            "https://[2001::1]/",
            "https://[2001:db8::1]/",
            "https://[fe80::1]/",
            "https://[fe80::1%25eth0]/",
            "https://[fc00::1]/",
            "https://[fd12::1]/",
            "https://[fec0::1]/",
            "https://[ff02::1]/",
            "https://[::1/",
            "https://::1/",
            "https://[example.com]/",
            "https://[::1]x/",
        ];
        let policy = Policy::default();
        for url in good {
            assert_eq!(check(url, &policy), Ok(()), "{url}");
        }
        for url in bad {
            assert!(check(url, &policy).is_err(), "{url}");
        }
        assert!(check(&format!("https://example.com/{}", "a".repeat(URL_BYTES)), &policy).is_err());
        assert!(check(&format!("https://{}.com/", "a".repeat(64)), &policy).is_err());
        assert_eq!((good.len(), bad.len()), (11, 73));
    }

    #[test]
    fn excepted_hosts_may_be_private_but_not_odd() {
        let hosts = ["localhost:9000", "10.0.0.5", "[::1]:9000"].map(str::to_owned).to_vec();
        let policy = Policy { webhook_hosts: hosts, ..Policy::default() };
        for url in [
            "http://localhost:9000/x",
            "https://LOCALHOST:9000",
            "http://10.0.0.5/",
            "https://10.0.0.5:443/",
            "http://[::1]:9000/",
        ] {
            assert_eq!(check(url, &policy), Ok(()), "{url}");
        }
        for url in [
            "http://localhost/",
            "https://10.0.0.5:444/",
            "http://me@localhost:9000/",
            "ftp://localhost:9000/",
            "https://10.0.0.6/",
        ] {
            assert!(check(url, &policy).is_err(), "{url}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        for url in ["https://a.example:1/secret", "https://a.example:1?secret", "https://a.example:1"] {
            assert_eq!(origin(url), "https://a.example:1");
        }
    }
}
