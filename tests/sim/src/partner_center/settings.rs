//! The switches: where the contract knows two answers, or the service has bad days.

use chrono::TimeDelta;

/// How the service behaves. The default is strict, and as documented.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which changes of status and substatus are taken.
    pub transitions: Transitions,
    /// Which fields a change of status needs.
    pub required: Required,
    /// The status a changed eTag is answered with, 412 or 409.
    pub stale_status: u16,
    /// The form of `@odata.nextLink`.
    pub next_link: NextLink,
    /// How times in `$filter` have to be written.
    pub filter_times: FilterTimes,
    /// How many referrals a page holds.
    pub page_size: usize,
    /// A new referral cannot be read for so long, though its event is on the way.
    pub readable_after: TimeDelta,
    /// So much later than `expirationDateTime` the service notices.
    pub expiry_lag: TimeDelta,
    /// Whether ids of requests that are documented as required are demanded, not only missed (contract partner-center 3).
    pub ids_demanded: bool,
    /// When bodies are compressed.
    pub gzip: Gzip,
    /// How many requests are taken; `None` for all.
    pub limit: Option<Limit>,
    /// The token audience of the referrals host.
    pub referrals_audience: String,
    /// The token audience of the host of registrations and events.
    pub center_audience: String,
    /// Whether registrations need a user with the role `Referrals admin` or `Global admin`.
    pub registration_needs_admin: bool,
    /// How answers about registrations write their names.
    pub casing: Casing,
    /// Whether `http` addresses may be registered.
    pub plain_callbacks: bool,
    /// How the certificate of the signer is served.
    pub certificate_form: CertificateForm,
    /// Whose id the events about other referrals of an engagement carry.
    pub related_event: RelatedEvent,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transitions: Transitions::Strict,
            required: Required::AsTheApi,
            stale_status: 412,
            next_link: NextLink::Documented,
            filter_times: FilterTimes::Bare,
            page_size: 100,
            readable_after: TimeDelta::zero(),
            expiry_lag: TimeDelta::zero(),
            ids_demanded: false,
            gzip: Gzip::WhenAccepted,
            limit: None,
            referrals_audience: "https://api.partner.microsoft.com".to_owned(),
            center_audience: "https://api.partnercenter.microsoft.com".to_owned(),
            registration_needs_admin: false,
            casing: Casing::Pascal,
            plain_callbacks: false,
            certificate_form: CertificateForm::Der,
            related_event: RelatedEvent::TheChanged,
        }
    }
}

/// Which changes of status are taken (contract partner-center 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transitions {
    /// The derived pairs only: what no table allows in so many words is refused.
    Strict,
    /// All that the documented table allows.
    Lenient,
}

/// Which fields a change of status needs (contract partner-center 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// None.
    AsTheApi,
    /// Those the portal asks a person for.
    AsThePortal,
}

/// The form of `@odata.nextLink` (contract partner-center 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextLink {
    /// `http`, and a path without `engagements`.
    Documented,
    /// As it would have to be.
    WellFormed,
    /// At another origin, such as `https://elsewhere.example`.
    Elsewhere(String),
}

/// How times in `$filter` have to be written (contract partner-center 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterTimes {
    /// As in `updatedDateTime ge 2024-05-01T00:00:00Z`.
    Bare,
    /// In quotes.
    Quoted,
    /// Not at all: such a filter is refused.
    Refused,
}

/// When bodies are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gzip {
    /// Never.
    Never,
    /// When the client says it can read them.
    WhenAccepted,
    /// Always, whatever the client says.
    Always,
}

/// So many requests of a kind in so many seconds; the others are refused with 429.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Requests that read.
    pub reads: u32,
    /// Requests that write.
    pub writes: u32,
    /// The length of the window in seconds.
    pub seconds: i64,
    /// The form of the refusal.
    pub envelope: Envelope,
}

/// The form of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// `{"statusCode":..,"message":..}`, from the machine in front.
    Gateway,
    /// `{"error":{"code":..}}`, from the service.
    Service,
}

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Casing {
    /// `WebhookUrl`, as the pages print it.
    Pascal,
    /// `webhookUrl`, as the interface description has it.
    Camel,
}

/// How the certificate of the signer is served; receivers have met both (contract partner-center 8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateForm {
    /// As it is.
    Der,
    /// As text.
    Pem,
}

/// Whose id `related-referral-*` carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelatedEvent {
    /// The referral that changed, such as Microsoft's side.
    TheChanged,
    /// The referral of the one who is told.
    TheOwn,
}
