//! Which addresses belong to the public internet.

mod registry;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use registry::{Block, GLOBAL_UNICAST, IPV4_BLOCKS, IPV6_BLOCKS, NAT64};

/// Whether a packet to this address goes to the public internet, by the IANA special-purpose registries.
///
/// Where they do not say (`N/A`: 6to4, Teredo, the first ORCHID), the address counts as not reachable. So does IPv6 outside of
/// what IANA has opened for global unicast. A translator may turn an IPv6 address into an IPv4 address. Such an address must be
/// reachable in both forms.
pub fn is_globally_reachable(address: IpAddr) -> bool {
    refusing_block(address).is_none()
}

/// The registered block that makes an address not globally reachable. `None` if the address is reachable.
pub fn refusing_block(address: IpAddr) -> Option<&'static Block> {
    match address {
        IpAddr::V4(v4) => refusing_v4(v4),
        IpAddr::V6(v6) => refusing_v6(v6),
    }
}

fn refusing_v4(address: Ipv4Addr) -> Option<&'static Block> {
    most_specific(IPV4_BLOCKS, address.into()).filter(|block| !block.globally_reachable)
}

fn refusing_v6(address: Ipv6Addr) -> Option<&'static Block> {
    let block = most_specific(IPV6_BLOCKS, address.into())?;
    if !block.globally_reachable {
        return Some(block);
    }
    embedded_v4(address).and_then(refusing_v4)
}

/// The entry with the longest prefix counts, because the registries list exceptions inside of larger blocks.
fn most_specific(blocks: &'static [Block], address: IpAddr) -> Option<&'static Block> {
    blocks.iter().filter(|block| block.contains(address)).max_by_key(|block| block.prefix_length)
}

/// The IPv4 address at which a packet to this IPv6 address ends. This is for the forms whose block itself is reachable: NAT64's
/// well-known prefix (RFC 6052) and ISATAP interface identifiers (RFC 5214).
///
/// The other embedding forms (mapped, compatible, 6to4, Teredo, local NAT64) lie in blocks that are refused whole.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., third_to_last, identifier, high, low] = address.segments();
    let is_nat64 = NAT64.contains(address.into());
    // 0200:5efe is the same identifier with the "universal" bit set.
    let is_isatap = identifier == 0x5efe && (third_to_last == 0 || third_to_last == 0x0200);
    let bits = u32::from(high) << 16 | u32::from(low);
    (is_nat64 || is_isatap).then(|| Ipv4Addr::from_bits(bits))
}
