//! Taking ports before anything answers on them: a bound socket that does not listen yet keeps its port and refuses connections, so a busy port is
//! reported at once while clients are let in only when the server can serve them (decision E14).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
};

use tokio::net::{TcpListener, TcpSocket};

use crate::HostPort;

/// Connections the kernel may hold for us between two accepts.
const BACKLOG: u32 = 4096;
/// How often a free port is looked for that is free on both loopback addresses.
const PORT_ATTEMPTS: u32 = 64;

/// Why an address could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr}: {source}")]
pub struct BindError {
    /// The address asked for.
    pub addr: String,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

/// Addresses that are taken but do not listen yet.
#[derive(Debug)]
pub struct Binding {
    sockets: Vec<(TcpSocket, SocketAddr)>,
}

impl Binding {
    /// Takes an address. A loopback address means 127.0.0.1 *and* ::1 (the latter only where the machine has it), with one port for both; port 0 picks
    /// a free one. Must run inside a tokio runtime.
    pub fn bind(addr: &HostPort) -> Result<Self, BindError> {
        let fail = |source| BindError { addr: addr.to_string(), source };
        if !addr.is_loopback() {
            let targets = (addr.host.as_str(), addr.port).to_socket_addrs().map_err(fail)?;
            let mut sockets = Vec::new();
            for target in targets {
                // A name may have several addresses; with port 0 all get the first one's port.
                let port = match sockets.first() {
                    Some((_, first)) => SocketAddr::port(first),
                    None => target.port(),
                };
                sockets.push(take(SocketAddr::new(target.ip(), port)).map_err(fail)?);
            }
            if sockets.is_empty() {
                return Err(fail(io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address")));
            }
            return Ok(Self { sockets });
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            match take_loopback(addr) {
                Ok(sockets) => return Ok(Self { sockets }),
                // The port the kernel chose on 127.0.0.1 may be somebody else's on ::1: choose again.
                Err(e) if addr.port == 0 && e.kind() == io::ErrorKind::AddrInUse && attempt < PORT_ATTEMPTS => {}
                Err(e) => return Err(fail(e)),
            }
        }
    }

    /// The real addresses; the first is the one to tell people.
    #[must_use]
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|(_, addr)| *addr).collect()
    }

    /// Starts to listen: from here on clients can connect.
    pub fn listen(self) -> Result<Vec<TcpListener>, BindError> {
        self.sockets
            .into_iter()
            .map(|(socket, addr)| socket.listen(BACKLOG).map_err(|source| BindError { addr: addr.to_string(), source }))
            .collect()
    }
}

fn take_loopback(addr: &HostPort) -> io::Result<Vec<(TcpSocket, SocketAddr)>> {
    // Another address of 127.0.0.0/8 is a wish for exactly that one.
    let v4 = addr.host.parse().unwrap_or(Ipv4Addr::LOCALHOST);
    let first = take(SocketAddr::new(IpAddr::V4(v4), addr.port))?;
    let port = first.1.port();
    let mut sockets = vec![first];
    if v4 == Ipv4Addr::LOCALHOST {
        match take(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)) {
            Ok(second) => sockets.push(second),
            // Containers often have no IPv6: that is not an error.
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => return Err(e),
            Err(_) => {}
        }
    }
    Ok(sockets)
}

fn take(addr: SocketAddr) -> io::Result<(TcpSocket, SocketAddr)> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for connections of the previous process in TIME_WAIT. A port somebody listens on stays busy all the same. A port that
    // the kernel chooses must be nobody's: with the option, two sockets that are bound but do not listen yet could get the same one.
    if addr.port() != 0 {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(addr)?;
    let addr = socket.local_addr()?;
    Ok((socket, addr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn loopback_takes_both_addresses_with_one_port() {
        let binding = Binding::bind(&HostPort::new("localhost", 0)).unwrap();
        let addrs = binding.addrs();
        assert_eq!(addrs[0].ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_ne!(addrs[0].port(), 0);
        assert!(addrs.iter().all(|a| a.port() == addrs[0].port() && a.ip().is_loopback()));
        let listeners = binding.listen().unwrap();
        assert_eq!(listeners.len(), addrs.len());
        for addr in addrs {
            tokio::net::TcpStream::connect(addr).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_bound_port_refuses_until_it_listens() {
        let binding = Binding::bind(&HostPort::new("127.0.0.1", 0)).unwrap();
        let addr = binding.addrs()[0];
        let refused = tokio::net::TcpStream::connect(addr).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_busy_port_is_an_error_that_names_it() {
        let held = Binding::bind(&HostPort::new("127.0.0.1", 0)).unwrap();
        let addr = held.addrs()[0];
        let _listening = held.listen().unwrap();
        let error = Binding::bind(&HostPort::new("127.0.0.1", addr.port())).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&addr.port().to_string()));
    }
}
