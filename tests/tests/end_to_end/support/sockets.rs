//! Which addresses a process group listens on, from Linux's `/proc`.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// `TCP_LISTEN`, and a UDP socket that takes datagrams from anybody (`net/tcp_states.h` of Linux).
const LISTENING: [&str; 2] = ["0A", "07"];

/// A socket of a table in `/proc/net`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Socket {
    pub(crate) address: SocketAddr,
    pub(crate) inode: u64,
}

/// Every socket of this machine that listens.
pub(crate) fn listening() -> Vec<Socket> {
    let tables = ["tcp", "tcp6", "udp", "udp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")));
    tables.into_iter().flat_map(|table| listening_in(&table.expect("Linux's table of sockets"))).collect()
}

/// The listening sockets of one table (`Documentation/networking/proc_net_tcp.rst` of Linux).
pub(crate) fn listening_in(table: &str) -> Vec<Socket> {
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listening = rows.filter(|row| LISTENING.contains(&row[3]));
    listening
        .map(|row| Socket { address: address(row[1]), inode: row[9].parse().expect("an inode") })
        .collect()
}

/// `0100007F:1F90`: the address in 32-bit words of the machine's byte order, the port in the network's.
fn address(text: &str) -> SocketAddr {
    let (address, port) = text.split_once(':').expect("an address and a port");
    let words = (0..address.len() / 8).map(|word| &address[word * 8..word * 8 + 8]);
    let words = words.map(|word| u32::from_str_radix(word, 16).expect("hex").to_ne_bytes());
    let ip: IpAddr = match *words.collect::<Vec<_>>().as_flattened() {
        [a, b, c, d] => Ipv4Addr::new(a, b, c, d).into(),
        ref bytes => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).expect("4 or 16 bytes")).into(),
    };
    SocketAddr::new(ip, u16::from_str_radix(port, 16).expect("hex"))
}

/// The processes of the group that the owner of this socket belongs to.
pub(crate) fn group_of(socket: Socket) -> Vec<u32> {
    let processes = processes();
    let owner = processes.iter().find(|process| sockets_of(process.id).contains(&socket.inode));
    let group = owner.expect("the emulator's process").group;
    processes.iter().filter(|process| process.group == group).map(|process| process.id).collect()
}

/// The inodes of a process's sockets; none if it has ended.
pub(crate) fn sockets_of(process: u32) -> BTreeSet<u64> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets
        .filter_map(|target| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

/// The program that a process runs; empty if it has ended.
pub(crate) fn program_of(process: u32) -> String {
    let program = fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
    program.to_string_lossy().into_owned()
}

struct Process {
    id: u32,
    group: u32,
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("Linux's /proc").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may have spaces in it: state, parent and group follow the last parenthesis.
        let group = stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()?;
        Some(Process { id, group })
    })
    .collect()
}
