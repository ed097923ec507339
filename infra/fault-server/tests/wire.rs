//! The faults as they look on the wire.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::ErrorKind;
use std::time::Duration;

use fault_server::{Answer, FaultServer, Script, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUEST: &[u8] = b"POST /a?b=c HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";

/// Sends one request and reads until the connection ends.
async fn call(server: &FaultServer) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).await;
    (bytes, ended.err().map(|it| it.kind()))
}

#[tokio::test]
async fn requests_of_one_connection_meet_the_steps_in_order_and_are_kept() {
    let script = Script::of([Step::status(503), Step::json("{}")]);
    let server = FaultServer::start(script).await.unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();

    stream.write_all(&REQUEST.repeat(2)).await.unwrap();
    assert!(server.has_received(2, Duration::from_secs(5)).await);
    stream.shutdown().await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();

    assert!(answers.starts_with("HTTP/1.1 503 "), "{answers}");
    assert!(answers.ends_with("content-length: 2\r\n\r\n{}"), "{answers}");
    assert_eq!(server.n_connections(), 1);
    let received = server.received();
    let second = received.last().unwrap();
    assert_eq!((second.number, second.connection), (2, 1));
    assert_eq!((&*second.path, &*second.query, &*second.text()), ("/a", "b=c", "hi"));
}

#[tokio::test]
async fn reset_comes_before_an_answer_or_in_the_middle_of_one() {
    let answer = Answer::json("0123456789");
    let script = Script::of([Step::Reset, Step::ResetMidBody(answer)]);
    let server = FaultServer::start(script).await.unwrap();

    let (bytes, error) = call(&server).await;
    assert_eq!((bytes.len(), error), (0, Some(ErrorKind::ConnectionReset)));
    let (_, error) = call(&server).await;
    assert_eq!(error, Some(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn cut_body_is_shorter_than_its_head_says_and_a_truncated_one_is_not() {
    let answer = Answer::json("0123456789");
    let script = Script::of([Step::CutMidBody(answer.clone())])
        .then_by(move |_| answer.clone().truncated().with_header("connection", "close").into());
    let server = FaultServer::start(script).await.unwrap();

    let (bytes, error) = call(&server).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("content-length: 10\r\n") && text.ends_with("\r\n01234"), "{text}");
    assert_eq!(error, None);

    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("content-length: 5\r\n") && text.ends_with("\r\n01234"), "{text}");
}

#[tokio::test]
async fn port_refuses_until_it_listens() {
    let refusing = FaultServer::refusing().unwrap();
    let refused = TcpStream::connect(refusing.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let server = refusing.listen(Script::always(Step::Garbage)).unwrap();
    let (bytes, _) = call(&server).await;
    assert!(!bytes.starts_with(b"HTTP"));
}
