//! The token endpoint of Microsoft Entra, with secrets and certificates.
