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
  for name in salesforce dynamics365 marketo-client-secret; do
    printf %s rehearsal-client-secret-0123456789 >"/etc/leadsync/credentials/$name"
  done
  printf %s rehearsal-client-id >/etc/leadsync/credentials/marketo-client-id
  printf %s rehearsal-vault-key-0123456789abcdef >/etc/leadsync/credentials/partner-center-key
  printf %s "DefaultEndpointsProtocol=https;AccountName=contosoleads;AccountKey=cmVoZWFyc2FsLXRhYmxlLWtleS0wMTIzNDU2Nzg5YWI=;EndpointSuffix=core.windows.net" \
    >/etc/leadsync/credentials/azure-table
  cp /etc/leadsync/credentials/azure-table /etc/leadsync/credentials/marketplace-table
)
{
  echo '[Service]'
  for place in /etc/leadsync/credentials/*; do echo "LoadCredential=${place##*/}:$place"; done
} >/etc/systemd/system/leadsync.service.d/credentials.conf

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
