//! Receivers must prove who they are.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use service::outbound::{CallError, Certificate, Options, StatusCode, Url};
use tokio::io::AsyncWriteExt;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use super::{
    client, options,
    receiver::{Changing, Receiver, read_request},
};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Certificate,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A receiver whose certificate is for `name` and ends with the year.
    async fn receiver(&self, name: &str, last_year: i32) -> Receiver {
        service::tls::install();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Receiver::start("127.0.0.1:0", move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await?;
                read_request(&mut stream).await?;
                stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await?;
                stream.shutdown().await
            }
        })
        .await
    }

    async fn call(&self, receiver: &Receiver) -> Result<StatusCode, CallError> {
        let authorities = vec![self.certificate.clone()];
        let client = client(Options { authorities, names: Changing::new(&[&["127.0.0.1"]]), ..options() });
        let url: Url = format!("https://hook.example.com:{}/", receiver.port()).parse().unwrap();
        client.send(client.post(url)).await.map(|answer| answer.status)
    }
}

#[tokio::test]
async fn only_a_valid_certificate_for_the_name_is_believed() {
    let ours = Authority::new("Ours");
    let good = ours.receiver("hook.example.com", 2090).await;
    assert_eq!(ours.call(&good).await, Ok(StatusCode::NO_CONTENT));

    let other_name = ours.receiver("other.example.com", 2090).await;
    let expired = ours.receiver("hook.example.com", 2021).await;
    let strangers = Authority::new("Stranger").receiver("hook.example.com", 2090).await;
    let plain = Receiver::start("127.0.0.1:0", |mut stream| async move {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        read_request(&mut stream).await
    })
    .await;
    for (receiver, word) in [
        (&other_name, "not valid for name"),
        (&expired, "expired"),
        (&strangers, "UnknownIssuer"),
        (&plain, "corrupt"),
    ] {
        match ours.call(receiver).await {
            Err(CallError::Tls(why)) => assert!(why.contains(word), "{why}"),
            other => panic!("{word}: {other:?}"),
        }
    }
}
