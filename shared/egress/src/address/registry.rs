//! The special-purpose address registries as tables.
//!
//! Sources: IANA "IPv4 Special-Purpose Address Registry" (iana.org/assignments/iana-ipv4-special-registry) and its
//! IPv6 counterpart, both with their column "Globally Reachable" (RFC 6890, RFC 8190), as of October 2025; the
//! multicast registries; "IPv6 Address Space" for what is not opened at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One registered block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The block's first address.
    pub first: IpAddr,
    /// How many leading bits its addresses share.
    pub prefix_length: u8,
    /// Whether the registry says "Globally Reachable". `N/A` is `false`.
    pub globally_reachable: bool,
    /// The registered name.
    pub name: &'static str,
    /// The document that reserves it.
    pub source: &'static str,
}

impl Block {
    /// Whether the address lies in the block. One of the other family never does.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                same_prefix(first.to_bits().into(), address.to_bits().into(), 32, self.prefix_length)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                same_prefix(first.to_bits(), address.to_bits(), 128, self.prefix_length)
            }
            _ => false,
        }
    }
}

fn same_prefix(one: u128, other: u128, width: u8, prefix_length: u8) -> bool {
    // A shift by the full width means that the prefix is empty. Every address matches it.
    (one ^ other).checked_shr(u32::from(width - prefix_length)).unwrap_or(0) == 0
}

const fn v4(
    first: [u8; 4],
    prefix_length: u8,
    globally_reachable: bool,
    name: &'static str,
    source: &'static str,
) -> Block {
    let first = IpAddr::V4(Ipv4Addr::from_octets(first));
    Block { first, prefix_length, globally_reachable, name, source }
}

const fn v6(
    first: [u16; 8],
    prefix_length: u8,
    globally_reachable: bool,
    name: &'static str,
    source: &'static str,
) -> Block {
    let first = IpAddr::V6(Ipv6Addr::from_segments(first));
    Block { first, prefix_length, globally_reachable, name, source }
}

/// IPv4: an address in none of these is globally reachable.
#[rustfmt::skip]
pub const IPV4_BLOCKS: &[Block] = &[
    v4([0, 0, 0, 0], 8, false, "\"This network\"", "RFC 791"),
    v4([0, 0, 0, 0], 32, false, "\"This host on this network\"", "RFC 1122"),
    v4([10, 0, 0, 0], 8, false, "Private-Use", "RFC 1918"),
    v4([100, 64, 0, 0], 10, false, "Shared Address Space", "RFC 6598"),
    v4([127, 0, 0, 0], 8, false, "Loopback", "RFC 1122"),
    v4([169, 254, 0, 0], 16, false, "Link Local", "RFC 3927"),
    v4([172, 16, 0, 0], 12, false, "Private-Use", "RFC 1918"),
    v4([192, 0, 0, 0], 24, false, "IETF Protocol Assignments", "RFC 6890"),
    v4([192, 0, 0, 0], 29, false, "IPv4 Service Continuity Prefix", "RFC 7335"),
    v4([192, 0, 0, 8], 32, false, "IPv4 dummy address", "RFC 7600"),
    v4([192, 0, 0, 9], 32, true, "Port Control Protocol Anycast", "RFC 7723"),
    v4([192, 0, 0, 10], 32, true, "Traversal Using Relays around NAT Anycast", "RFC 8155"),
    v4([192, 0, 0, 170], 32, false, "NAT64/DNS64 Discovery", "RFC 7050"),
    v4([192, 0, 0, 171], 32, false, "NAT64/DNS64 Discovery", "RFC 7050"),
    v4([192, 0, 2, 0], 24, false, "Documentation (TEST-NET-1)", "RFC 5737"),
    v4([192, 31, 196, 0], 24, true, "AS112-v4", "RFC 7535"),
    v4([192, 52, 193, 0], 24, true, "AMT", "RFC 7450"),
    v4([192, 88, 99, 0], 24, false, "Deprecated (6to4 Relay Anycast)", "RFC 7526"),
    v4([192, 88, 99, 2], 32, false, "6a44-relay anycast address", "RFC 6751"),
    v4([192, 168, 0, 0], 16, false, "Private-Use", "RFC 1918"),
    v4([192, 175, 48, 0], 24, true, "Direct Delegation AS112 Service", "RFC 7534"),
    v4([198, 18, 0, 0], 15, false, "Benchmarking", "RFC 2544"),
    v4([198, 51, 100, 0], 24, false, "Documentation (TEST-NET-2)", "RFC 5737"),
    v4([203, 0, 113, 0], 24, false, "Documentation (TEST-NET-3)", "RFC 5737"),
    v4([224, 0, 0, 0], 4, false, "Multicast", "RFC 5771"),
    v4([240, 0, 0, 0], 4, false, "Reserved", "RFC 1112"),
    v4([255, 255, 255, 255], 32, false, "Limited Broadcast", "RFC 919"),
];

/// The only space from which IANA assigns global unicast addresses; what lies outside is refused.
pub const GLOBAL_UNICAST: Block = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, true, "Global Unicast", "RFC 4291");

/// The well-known prefix of NAT64. A translator sends to the IPv4 address that is inside of such an address.
pub const NAT64: Block = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, true, "IPv4-IPv6 Translat.", "RFC 6052");

/// IPv6: every address is in the first of these, at least.
#[rustfmt::skip]
pub const IPV6_BLOCKS: &[Block] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0], 0, false, "Not assigned for global unicast", "RFC 4291"),
    GLOBAL_UNICAST,
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, false, "IPv4-compatible Address (deprecated)", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, false, "Unspecified Address", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, false, "Loopback Address", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, false, "IPv4-mapped Address", "RFC 4291"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, false, "IPv4-translated Address", "RFC 2765"),
    NAT64,
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, false, "IPv4-IPv6 Translat. (local use)", "RFC 8215"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, false, "Discard-Only Address Block", "RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, false, "Dummy IPv6 Prefix", "RFC 9780"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, false, "IETF Protocol Assignments", "RFC 2928"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, false, "TEREDO", "RFC 4380"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, true, "Port Control Protocol Anycast", "RFC 7723"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, true, "Traversal Using Relays around NAT Anycast", "RFC 8155"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, true, "DNS-SD Service Registration Protocol Anycast", "RFC 9665"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, false, "Benchmarking", "RFC 5180"),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, true, "AMT", "RFC 7450"),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, true, "AS112-v6", "RFC 7535"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, false, "Deprecated (previously ORCHID)", "RFC 4843"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, true, "ORCHIDv2", "RFC 7343"),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, true, "Drone Remote ID Protocol Entity Tags", "RFC 9374"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, false, "Documentation", "RFC 3849"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, false, "6to4", "RFC 3056"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, true, "Direct Delegation AS112 Service", "RFC 7534"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, false, "Documentation", "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, false, "Segment Routing (SRv6) SIDs", "RFC 9602"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, false, "Unique-Local", "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, false, "Link-Local Unicast", "RFC 4291"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, false, "Site-Local Unicast (deprecated)", "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, false, "Multicast", "RFC 4291"),
];
