//! Nothing of the stack can be reached from another machine.

use crate::support::{sockets, stacks};

#[test]
fn the_emulator_and_its_functions_listen_on_loopback_addresses_only() {
    let url = stacks::shared().env().get("AWS_ENDPOINT_URL").unwrap();
    let port: u16 = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let listening = sockets::listening();
    let gateway = listening.iter().find(|socket| socket.address.port() == port);
    let processes = sockets::group_of(*gateway.expect("the emulator's own socket"));

    let theirs: Vec<_> = processes.iter().flat_map(|process| sockets::sockets_of(*process)).collect();
    let (local, exposed): (Vec<_>, Vec<_>) = listening
        .iter()
        .filter(|socket| theirs.contains(&socket.inode))
        .map(|socket| socket.address)
        .partition(|address| address.ip().is_loopback());
    assert_eq!(exposed, [], "can be reached from other machines");
    assert!(local.iter().any(|address| address.port() == port), "{local:?}");
    let functions = processes.iter().filter(|process| sockets::program_of(**process).ends_with("/bootstrap"));
    assert!(functions.count() > 0, "the functions belong to the group that was looked at");
}

#[test]
fn a_socket_on_every_address_is_told_from_one_on_loopback() {
    let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 101 1 0 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 102 1 0 100 0 0 10 0
   2: 0100007F:A2F0 0100007F:11D6 01 00000000:00000000 00:00000000 00000000     0        0 103 1 0 100 0 0 10 0
   3: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 104 1 0 100 0 0 10 0
   4: 00000000000000000000000000000000:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 105 1 0 100 0 0 10 0
";
    let listening = sockets::listening_in(table);
    let shown: Vec<_> = listening.iter().map(|socket| socket.address.to_string()).collect();
    assert_eq!(shown, ["127.0.0.1:4566", "0.0.0.0:8080", "[::1]:80", "[::]:81"]);
    let loopback: Vec<_> = listening.iter().map(|socket| socket.address.ip().is_loopback()).collect();
    assert_eq!(loopback, [true, false, true, false]);
    assert_eq!(listening.iter().map(|socket| socket.inode).collect::<Vec<_>>(), [101, 102, 104, 105]);
}
