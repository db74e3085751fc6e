# A machine with the sources, and nothing of ours in it.
cd /root/leadsync
