# leadsync as the README installs it, with a webhook beside the archive; three leads came, one of them is a dead letter.
cd /root/leadsync
ln -s "$REHEARSED_BINARY" /usr/bin/leadsync
cp systemd/leadsync.service /etc/systemd/system/
install -d -m 0755 /etc/leadsync /etc/leadsync/connectors.d /etc/systemd/system/leadsync.service.d
install -d -m 0700 /etc/leadsync/credentials
(
  umask 077
  printf %s rehearsal-intake-secret-0123456789 >/etc/leadsync/credentials/marketplace
  printf %s whsec_cmVoZWFyc2FsLXdlYmhvb2stc2VjcmV0LTAxMjM= >/etc/leadsync/credentials/webhook
)
hand_over() { # every credential there is, as `systemctl edit` would
  {
    echo '[Service]'
    for place in /etc/leadsync/credentials/*; do echo "LoadCredential=${place##*/}:$place"; done
  } >/etc/systemd/system/leadsync.service.d/override.conf
}
hand_over

cat >/etc/leadsync/leadsync.toml <<'TOML'
[sources.marketplace]
secrets = [{ credential = "marketplace" }]
TOML
cat >/etc/leadsync/connectors.d/archive.toml <<'TOML'
kind = "file"
roles = ["destination"]
[settings]
path = "/var/lib/leadsync/leads.jsonl"
TOML
cat >/etc/leadsync/connectors.d/webhook.toml <<'TOML'
kind = "https-endpoint"
roles = ["destination", "alerts"]
[settings]
allow_private_targets = ["198.18.0.0/15"]
url = "https://hooks.example.com/leads"
TOML
systemctl start leadsync

post() {
  curl -sS --fail --json "{\"LeadSource\":\"AzureMarketplace-INS|contoso.$2\",\"ActionCode\":\"INS\",\"UserDetails\":{\"FirstName\":\"$1\",\"LastName\":\"Larsson\",\"Email\":\"$1@fabrikam.example\",\"Company\":\"Fabrikam\",\"Country\":\"SE\"}}" \
    http://127.0.0.1:8080/v1/leads/marketplace/rehearsal-intake-secret-0123456789 >/dev/null
}
post ada crm-basic
post grace crm-pro
post Nobody crm-basic
for _ in $(seq 200); do
  [ "$(leadsync --json dead-letters list | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))')" = 1 ] &&
    [ "$(leadsync --json status | python3 -c 'import json,sys; print(json.load(sys.stdin)["deliveries"]["pending"])')" = 0 ] && break
  sleep 0.05
done
