"""Certificates of an authority of one's own, as Dask's configuration takes them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey


def environment(folder: Path) -> Mapping[str, str]:
    """Variables by which Dask's scheduler, workers and clients use new certificates."""
    folder.mkdir(exist_ok=True)
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = _certificate("authority", authority, "authority", authority, is_authority=True)
    (folder / "ca.pem").write_bytes(_pem(issuer))
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate("peer", key, "authority", authority, is_authority=False)
    (folder / "cert.pem").write_bytes(_pem(certificate))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    tls = "DASK_DISTRIBUTED__COMM__TLS"
    files = {
        f"{tls}__{role}__{part.upper()}": str(folder / f"{part}.pem")
        for role in ("SCHEDULER", "WORKER", "CLIENT")
        for part in ("cert", "key")
    }
    return {f"{tls}__CA_FILE": str(folder / "ca.pem"), **files}


def _certificate(
    subject: str, key: Key, issuer: str, issuer_key: Key, *, is_authority: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
