//! Whom tokens come from, and which host they are for (contract salesforce 1 and 2).

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector_kit::http::{TargetPolicy, Transport};
use connector_kit::secret::{Secret, SecretRef};
use connector_kit::token::{ClientAuth, ClientCredentials, Grant, Granted, JwtBearer, RsaKey, TokenSource};
use connector_kit::{ConfigError, ConnectorContext, ConnectorError, ErrorKind};
use url::Url;

use crate::config::{Auth, Settings};

/// Hosts under these belong to Salesforce.
const SUFFIXES: [&str; 6] = [
    ".salesforce.com",
    ".force.com",
    ".salesforce.mil",
    ".crmforce.mil",
    ".sfcrmproducts.cn",
    ".cloudforce.com",
];

/// Salesforce never says how long a token lives; two hours idle is common, a quarter of an hour the least.
const LIFE: TimeDelta = TimeDelta::minutes(30);

/// Tokens, and where they may be used.
pub(crate) struct Login {
    /// The tokens.
    pub tokens: TokenSource,
    /// The host of the config.
    pub instance: Url,
    /// Assertions end soon: a wrong clock keeps us out.
    pub signs: bool,
    plain_http: bool,
}

/// A token and the host it is for.
pub(crate) struct Pass {
    /// The token.
    pub bearer: Secret,
    /// `https://contoso.my.salesforce.com`
    pub base: Url,
    /// The user it was granted to, by its id.
    pub user: Option<String>,
}

impl Login {
    /// Reads the secrets; asks nobody.
    pub(crate) fn new(
        settings: &Settings,
        policy: &TargetPolicy,
        transport: &Arc<dyn Transport>,
        context: &ConnectorContext,
    ) -> Result<Self, ConfigError> {
        let instance = settings.instance(policy)?;
        let login = settings.login(policy, &instance)?;
        let grant = grant(settings, &login, &instance, context)?;
        Ok(Self {
            tokens: TokenSource::with_grant(
                Box::new(WithLife(grant)),
                Arc::clone(transport),
                Arc::clone(&context.clock),
            ),
            signs: matches!(settings.auth, Auth::JwtBearer { .. }),
            instance,
            plain_http: settings.allow_plain_http,
        })
    }

    /// A token that is good as far as we know.
    pub(crate) async fn pass(&self) -> Result<Pass, ConnectorError> {
        let granted = self.tokens.granted().await?;
        let member = |name: &str| granted.members.get(name).map(String::as_str);
        Ok(Pass {
            base: self.base(member("instance_url"))?,
            user: member("id")
                .and_then(|id| id.rsplit('/').next())
                .map(str::to_owned),
            bearer: granted.secret,
        })
    }

    /// The newest token says where the data lives; it does not get to say just anything.
    fn base(&self, told: Option<&str>) -> Result<Url, ConnectorError> {
        let Some(told) = told else {
            return Ok(self.instance.clone());
        };
        let url = Url::parse(told).ok().filter(|url| self.is_trusted(url));
        url.ok_or_else(|| {
            ConnectorError::new(
                ErrorKind::Misconfigured,
                "use the token: its instance_url is no host of Salesforce",
            )
            .hint(
                "check instance_url and login_url: the token endpoint names a host that leads must not go to",
            )
        })
    }

    fn is_trusted(&self, url: &Url) -> bool {
        let ours = url.host_str() == self.instance.host_str()
            && url.port_or_known_default() == self.instance.port_or_known_default();
        let host = url.host_str().unwrap_or_default();
        let theirs = SUFFIXES.iter().any(|suffix| host.ends_with(suffix)) && url.port().is_none();
        let secure = url.scheme() == "https" || (self.plain_http && ours && url.scheme() == "http");
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none();
        secure && bare && (ours || theirs)
    }
}

fn grant(
    settings: &Settings,
    login: &Url,
    instance: &Url,
    context: &ConnectorContext,
) -> Result<Box<dyn Grant>, ConfigError> {
    let secret = |key: &str, reference: &SecretRef| {
        let read = context.secrets.read(reference);
        read.map_err(|error| ConfigError::new(format!("settings.auth.{key}"), error.to_string()))
    };
    let mut token_url = login.clone();
    token_url.set_path("/services/oauth2/token");
    match &settings.auth {
        Auth::ClientCredentials {
            client_id,
            client_secret,
        } => ClientCredentials {
            token_url: token_url.to_string(),
            client_id: client_id.clone(),
            client_secret: secret("client_secret", client_secret)?,
            scopes: Vec::new(),
            extra: std::collections::BTreeMap::new(),
            auth: ClientAuth::Post,
        }
        .into_grant(),
        Auth::JwtBearer {
            client_id,
            username,
            private_key,
            audience,
        } => Ok(Box::new(JwtBearer {
            token_url,
            issuer: client_id.clone(),
            subject: username.clone(),
            audience: audience
                .clone()
                .unwrap_or_else(|| audience_of(login, instance).to_owned()),
            key: RsaKey::from_pem(&secret("private_key", private_key)?, "settings.auth.private_key")?,
        })),
    }
}

/// Sandboxes have a login of their own.
fn audience_of(login: &Url, instance: &Url) -> &'static str {
    let sandbox = [login, instance]
        .iter()
        .filter_map(|url| url.host_str())
        .any(|host| host == "test.salesforce.com" || host.contains(".sandbox."));
    if sandbox {
        "https://test.salesforce.com"
    } else {
        "https://login.salesforce.com"
    }
}

/// A token without `expires_in` is used for half an hour; a refusal renews it earlier.
struct WithLife(Box<dyn Grant>);

#[async_trait]
impl Grant for WithLife {
    async fn fetch(&self, transport: &dyn Transport, now: DateTime<Utc>) -> Result<Granted, ConnectorError> {
        let granted = self.0.fetch(transport, now).await?;
        Ok(Granted {
            life: LIFE,
            ..granted
        })
    }
}

#[cfg(test)]
mod tests;
