//! What goes over the wire, letter by letter.

use sandbox_org::{Sandbox, Seed, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn header_names_are_written_as_the_platform_writes_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings { seed: Seed::Empty, ..Settings::default() };
    let running = Sandbox::start(settings, listener).unwrap();
    let mut tcp = TcpStream::connect(running.addr).await.unwrap();

    let request = "GET /services/data HTTP/1.1\r\nHost: org.test\r\nConnection: close\r\n\r\n";
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nContent-Type: application/json;charset=UTF-8\r\n"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn stopped_org_lets_go_of_connections_that_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = Settings { seed: Seed::Empty, ..Settings::default() };
    let running = Sandbox::start(settings, listener).unwrap();
    let mut tcp = TcpStream::connect(running.addr).await.unwrap();
    tcp.write_all(b"GET /services/data HTTP/1.1\r\nHost: org.test\r\n\r\n").await.unwrap();
    let mut first = [0_u8; 12];
    tcp.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    running.stop().await;

    let mut rest = Vec::new();
    tcp.read_to_end(&mut rest).await.unwrap();
    assert!(!rest.is_empty());
}
