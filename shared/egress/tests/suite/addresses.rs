//! The address registries, from their tables and against them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use egress::address::{Block, IPV4_BLOCKS, IPV6_BLOCKS, is_globally_reachable, refusing_block};
use egress::{AddressPolicy, EndpointUrl, UrlError};
use proptest::prelude::*;
use proptest::sample::select;

fn refused_blocks(blocks: &'static [Block]) -> Vec<Block> {
    // ::/0 stands for "everything else" and is narrowed down by all others.
    blocks.iter().copied().filter(|block| !block.globally_reachable && block.prefix_length > 0).collect()
}

/// The address in the block whose other bits are these.
fn inside(block: &Block, bits: u128) -> IpAddr {
    match block.first {
        IpAddr::V4(first) => {
            let mask = u32::MAX.checked_shr(block.prefix_length.into()).unwrap_or(0);
            let bits = u32::try_from(bits & u128::from(mask)).unwrap();
            Ipv4Addr::from_bits(first.to_bits() | bits).into()
        }
        IpAddr::V6(first) => {
            let mask = u128::MAX.checked_shr(block.prefix_length.into()).unwrap_or(0);
            Ipv6Addr::from_bits(first.to_bits() | bits & mask).into()
        }
    }
}

/// Whether the registry has a reachable exception inside of the block, at this address.
fn is_exception(block: &Block, address: IpAddr) -> bool {
    IPV4_BLOCKS.iter().chain(IPV6_BLOCKS).any(|other| {
        other.globally_reachable && other.prefix_length > block.prefix_length && other.contains(address)
    })
}

fn refused_v4() -> impl Strategy<Value = Ipv4Addr> {
    (select(refused_blocks(IPV4_BLOCKS)), any::<u128>()).prop_filter_map(
        "a reachable exception",
        |(block, bits)| match inside(&block, bits) {
            address if is_exception(&block, address) => None,
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        },
    )
}

fn embedding(prefix: [u16; 6], v4: Ipv4Addr) -> Ipv6Addr {
    let mut segments = [0; 8];
    segments[..6].copy_from_slice(&prefix);
    segments[6..].copy_from_slice(&halves(v4));
    segments.into()
}

fn halves(v4: Ipv4Addr) -> [u16; 2] {
    let [a, b, c, d] = v4.octets();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

/// All forms in which an IPv6 address carries this IPv4 address.
fn embedded_forms(v4: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [high, low] = halves(v4);
    vec![
        embedding([0, 0, 0, 0, 0, 0xffff], v4),
        embedding([0; 6], v4),
        embedding([0, 0, 0, 0, 0xffff, 0], v4),
        embedding([0x64, 0xff9b, 0, 0, 0, 0], v4),
        embedding([0x64, 0xff9b, 1, 0, 0, 0], v4),
        embedding([0x64, 0xff9b, 1, 0xffff, 0xffff, 0xffff], v4),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, high, low, 0, 0, 0, 0),
        Ipv6Addr::new(0x2001, 0, 0x808, 0x808, 0, 0, !high, !low),
        embedding([0x2606, 0x4700, 0, 0, 0, 0x5efe], v4),
        embedding([0x2606, 0x4700, 0, 0, 0x200, 0x5efe], v4),
    ]
}

/// One spelling of an IPv4 address: how many parts, and each part's base.
fn spell(v4: Ipv4Addr, parts: usize, bases: [u8; 4], upper: bool) -> String {
    let octets = v4.octets();
    let last = octets[parts - 1..].iter().fold(0_u32, |value, octet| value << 8 | u32::from(*octet));
    let leading = octets[..parts - 1].iter().copied().map(u32::from);
    let spelled: Vec<_> = leading
        .chain([last])
        .zip(bases)
        .map(|(value, base)| match base {
            0 => format!("{value}"),
            1 => format!("0{value:o}"),
            2 => format!("000{value:o}"),
            _ if upper => format!("0X{value:X}"),
            _ => format!("0x{value:x}"),
        })
        .collect();
    spelled.join(".")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_address_of_a_refused_block_is_refused(
        block in select([refused_blocks(IPV4_BLOCKS), refused_blocks(IPV6_BLOCKS)].concat()),
        bits in any::<u128>(),
    ) {
        let address = inside(&block, bits);
        prop_assert!(block.contains(address));
        prop_assume!(!is_exception(&block, address));
        prop_assert!(!is_globally_reachable(address), "{} of {}", address, block.name);
    }

    #[test]
    fn every_embedded_form_of_a_refused_ipv4_address_is_refused(v4 in refused_v4()) {
        for form in embedded_forms(v4) {
            prop_assert!(!is_globally_reachable(form.into()), "{} in {}", v4, form);
        }
    }

    #[test]
    fn a_reachable_ipv4_address_is_reachable_through_nat64_but_in_no_form_that_is_not(v4 in any::<u32>()) {
        let v4 = Ipv4Addr::from_bits(v4);
        prop_assume!(is_globally_reachable(v4.into()));
        let forms = embedded_forms(v4);
        prop_assert!(is_globally_reachable(forms[3].into()));
        for form in forms[..3].iter().chain(&forms[4..9]) {
            prop_assert!(!is_globally_reachable((*form).into()), "{}", form);
        }
    }

    #[test]
    fn what_lies_outside_of_global_unicast_is_refused(bits in any::<u128>()) {
        let address = Ipv6Addr::from_bits(bits);
        let is_nat64 = address.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
        prop_assume!(bits >> 125 != 1 && !is_nat64);
        prop_assert!(!is_globally_reachable(address.into()));
    }

    #[test]
    fn no_spelling_of_a_refused_ipv4_address_makes_a_url(
        v4 in refused_v4(),
        parts in 1_usize..=4,
        bases in prop::array::uniform4(0_u8..=3),
        upper in any::<bool>(),
        dot in select(vec!["", "."]),
    ) {
        let url = format!("https://{}{dot}/hooks", spell(v4, parts, bases, upper));
        let parsed = EndpointUrl::parse(&url, AddressPolicy::Strict);
        prop_assert_eq!(parsed.err(), Some(UrlError::HostNotAllowed), "{} is {}", url, v4);
    }

    #[test]
    fn every_ipv6_spelling_of_a_refused_ipv4_address_makes_no_url(v4 in refused_v4()) {
        for form in embedded_forms(v4) {
            let url = format!("https://[{form}]/");
            let parsed = EndpointUrl::parse(&url, AddressPolicy::Strict);
            prop_assert_eq!(parsed.err(), Some(UrlError::HostNotAllowed), "{}", url);
        }
    }

    #[test]
    fn parsing_never_panics_and_accepts_only_https(text in "\\PC{0,80}", prefix in select(vec!["", "https://", "https://["])) {
        if let Ok(url) = EndpointUrl::parse(&format!("{prefix}{text}"), AddressPolicy::Strict) {
            prop_assert!(url.as_str().to_ascii_lowercase().starts_with("https://"));
        }
    }
}

#[test]
fn both_ends_of_every_refused_block_are_refused_and_its_neighbours_are_judged_apart() {
    for block in [refused_blocks(IPV4_BLOCKS), refused_blocks(IPV6_BLOCKS)].concat() {
        assert!(!is_globally_reachable(inside(&block, 0)), "{block:?}");
        assert!(!is_globally_reachable(inside(&block, u128::MAX)), "{block:?}");
    }
    for neighbour in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2003::",
        "2620:4f:8001::",
        "3ffe:ffff::",
        "3fff:1000::",
    ] {
        assert!(is_globally_reachable(neighbour.parse().unwrap()), "{neighbour}");
    }
}

#[test]
fn the_registries_reachable_exceptions_are_reachable() {
    for address in [
        "192.0.0.9",
        "192.0.0.10",
        "192.31.196.1",
        "192.52.193.1",
        "192.175.48.1",
        "2001:1::1",
        "2001:1::2",
        "2001:1::3",
        "2001:3::1",
        "2001:4:112::1",
        "2001:20::1",
        "2001:30::1",
        "2620:4f:8000::1",
        "64:ff9b::8.8.8.8",
    ] {
        assert!(is_globally_reachable(address.parse().unwrap()), "{address}");
    }
    for address in ["192.0.0.8", "192.0.0.11", "2001:1::", "2001:1::4", "2001:4:111::1", "2001:4:113::1"] {
        assert!(!is_globally_reachable(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn a_refusal_names_the_most_specific_block_that_causes_it() {
    for (address, name) in [
        ("10.0.0.1", "Private-Use"),
        ("255.255.255.255", "Limited Broadcast"),
        ("::1", "Loopback Address"),
        ("::ffff:127.0.0.1", "IPv4-mapped Address"),
        ("64:ff9b::127.0.0.1", "Loopback"),
        ("2001:0:1::", "TEREDO"),
        ("8000::", "Not assigned for global unicast"),
    ] {
        assert_eq!(refusing_block(address.parse().unwrap()).unwrap().name, name, "{address}");
    }
    assert_eq!(refusing_block(Ipv4Addr::new(8, 8, 8, 8).into()), None);
}
