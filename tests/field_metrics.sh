#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The programs that read metrics: node_exporter, Prometheus with the alert rules and the queries of the
# dashboard, promtool, the parser of Prometheus's client library, and snmpd, each in the version of a
# Debian release. They run in topo's a.
. ./lib.sh

root=$WORK/metrics/root
prom=var/lib/prometheus/node-exporter/ipip.prom

begin() {
	mkdir -p "$WORK/metrics"
	mount -t tmpfs none "$WORK/metrics"
	mkdir "$root" "$WORK/metrics/up" "$WORK/metrics/work"
	mount -t overlay -o "lowerdir=$FIELD,upperdir=$WORK/metrics/up,workdir=$WORK/metrics/work" \
		overlay "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mkdir -p "$root/run/ipip" "$root/${prom%/*}"
	cp ../build/tools/ipipctl "$root/usr/sbin/"
	cp ../tools/monitoring/* prometheus-alerts.test.yml openmetrics_client.py "$root/run/ipip/"
}

# Runs a program of the folder in the netns a.
r() { ip netns exec a chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"; }
background() { r "$@" > "$WORK/${1##*/}.log" 2>&1 & }
# Python, since the folder has no curl.
get() { r python3 -c 'import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1]).read().decode())' "$1"; }

far_end() { ip -n b link set dev t0 "$1"; }

written() { r ipipctl metrics prometheus "/$prom"; }

promtool() {
	check "promtool: rules" r promtool check rules /run/ipip/prometheus-alerts.yml
	check "promtool: unit tests of the rules" \
		r sh -c 'cd /run/ipip && promtool test rules prometheus-alerts.test.yml'
	r sh -c 'ipipctl metrics prometheus | promtool check metrics' > "$WORK/lint" 2>&1
	is "promtool: no complaint about the metrics" "$? $(cat "$WORK/lint")" "0 "
	r sh -c 'ipipctl metrics | python3 /run/ipip/openmetrics_client.py' > "$WORK/client" 2>&1
	is "Prometheus's client library parses OpenMetrics" "$? $(grep -c . "$WORK/client")" "0 1"
	cat "$WORK/client"
}

# Produces data: packets, a far end that is down for a while, and drops.
life() {
	ip netns exec a ping -q -i 0.1 -s 500 192.168.0.2 > /dev/null 2>&1 &
	_sender=$!
	{
		sleep 15
		far_end down
		sleep 10
		far_end up
	} &
	while sleep 1; do written; done > /dev/null 2>&1 &
	_writer=$!
}

scraped() { get "http://127.0.0.1:9100/metrics" > "$WORK/scrape" && grep -q '^ipip_tunnel_enabled{device="t0"} 1' "$WORK/scrape"; }
ready() { get "http://127.0.0.1:9090/-/ready"; }

# Serves the output of `ipipctl metrics` by HTTP.
serve() {
	cat > "$root/run/ipip/serve.py" <<- 'END'
		import http.server, subprocess
		class Handler(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        text = subprocess.run(["ipipctl", "metrics"], capture_output=True, check=True).stdout
		        self.send_response(200)
		        self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
		        self.end_headers()
		        self.wfile.write(text)
		    def log_message(self, *_):
		        pass
		http.server.HTTPServer(("127.0.0.1", 9101), Handler).serve_forever()
	END
	background python3 /run/ipip/serve.py
}

prometheus_config() {
	cat > "$root/run/ipip/prometheus.yml" <<- 'END'
		global: {scrape_interval: 2s, evaluation_interval: 2s}
		rule_files: [prometheus-alerts.yml]
		scrape_configs:
		  - job_name: node
		    static_configs: [{targets: ["127.0.0.1:9100"]}]
		  - job_name: openmetrics
		    static_configs: [{targets: ["127.0.0.1:9101"]}]
	END
	check "promtool: configuration" r promtool check config /run/ipip/prometheus.yml
}

# Runs each query of the dashboard as Grafana does, with values for its variables.
queries() {
	r python3 - <<- 'END'
		import json, sys, urllib.parse, urllib.request
		with open("/run/ipip/grafana-dashboard.json") as f:
		    dashboard = json.load(f)
		def ask(query):
		    for name, value in (("$__rate_interval", "10s"), ("$__interval", "10s"), ("$device", "t0")):
		        query = query.replace(name, value)
		    url = "http://127.0.0.1:9090/api/v1/query?" + urllib.parse.urlencode({"query": query})
		    return json.load(urllib.request.urlopen(url))["data"]["result"]
		targets = [(p["title"], t["expr"]) for p in dashboard["panels"] for t in p["targets"]]
		targets += [(a["name"], a["expr"]) for a in dashboard["annotations"]["list"]]
		for number, (title, query) in enumerate(targets):
		    try:
		        found = ask(query)
		    except urllib.error.HTTPError as e:
		        print(f"{title}: {query}: {e.read()}")
		        continue
		    # There aren't always drops, and the carrier may not just have been lost.
		    if not found and title not in ("Drops", "Carrier lost"):
		        print(f"{title}: no data: {query}")
		label = ask("group by (device) (ipip_tunnel_info)")
		if {r["metric"]["device"] for r in label} != {"t0", "idle"}:
		    print(f"variable device: {label}")
	END
}

value() {	# QUERY
	get "http://127.0.0.1:9090/api/v1/query?query=$1" |
		r python3 -c 'import json, sys; print(*(x["value"][1] for x in json.load(sys.stdin)["data"]["result"]))'
}

seen() { [ -n "$(value "$1")" ]; }

# shellcheck disable=SC2016 # dpkg-query expands it
r_versions() { r dpkg-query -W -f '# ${Package} ${Version}\n' prometheus prometheus-node-exporter snmpd; }

snmp() {
	mkdir -p "$root/etc/snmp"
	echo "rocommunity public 127.0.0.1" > "$root/etc/snmp/snmpd.conf"
	background /usr/sbin/snmpd -f -Lo -C -c /etc/snmp/snmpd.conf 127.0.0.1:161
	walk() { r snmpwalk -v2c -c public -Oqsn 127.0.0.1 "$1"; }
	check "snmpd answers" wait_for 20 walk 1.3.6.1.2.1.1.1
	local index
	index=$(ip netns exec a cat /sys/class/net/t0/ifindex)
	column() { walk "$1.$index" | sed 's/^[^ ]* //'; }
	is "IF-MIB: the name" "$(column .1.3.6.1.2.1.31.1.1.1.1)" '"t0"'
	is "IF-MIB: the type is tunnel(131)" "$(column .1.3.6.1.2.1.2.2.1.3)" 131
	is "IF-MIB: the MTU" "$(column .1.3.6.1.2.1.2.2.1.4)" "$(ip netns exec a cat /sys/class/net/t0/mtu)"
	is "IF-MIB: up(1)" "$(column .1.3.6.1.2.1.2.2.1.8)" 1
	check "IF-MIB: octets, 64 bits" [ "$(column .1.3.6.1.2.1.31.1.1.1.6)" -gt 1000 ]
	far_end down
	status() { [ "$(column .1.3.6.1.2.1.2.2.1.8)" = "$1" ]; }
	check "IF-MIB: the far end is down: down(2)" wait_for 30 status 2
	is "IF-MIB: the far end is down: the administrative state is up(1)" "$(column .1.3.6.1.2.1.2.2.1.7)" 1
	far_end up
}

[ -e "${FIELD:-}/usr/bin/prometheus" ] || { skip "metrics" "this Debian has no Prometheus"; exit; }
topo
begin
r_versions
ns a ../build/tools/ipipctl set t0 keepalive=200ms,3 "comment=to b"
ns a ../build/tools/ipipctl add name=idle remote-address=10.9.9.9 '!keepalive' disabled=yes
promtool
written
life
serve
prometheus_config
background prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --collector.disable-defaults \
	--collector.textfile "--collector.textfile.directory=/${prom%/*}"
check "node_exporter serves the metrics" wait_for 60 scraped
is "node_exporter: no error in the file" \
	"$(sed -n 's/^node_textfile_scrape_error //p' "$WORK/scrape")" 0
background prometheus --config.file=/run/ipip/prometheus.yml --storage.tsdb.path=/run/ipip/data \
	--web.listen-address=127.0.0.1:9090
check "Prometheus runs" wait_for 120 ready
check "Prometheus has the metrics from node_exporter" wait_for 60 seen 'ipip_tunnel_enabled%7Bjob=%22node%22%7D'
check "Prometheus has the metrics as OpenMetrics" wait_for 60 seen 'ipip_tunnel_enabled%7Bjob=%22openmetrics%22%7D'
typed() { get "http://127.0.0.1:9090/api/v1/metadata?metric=$1" | grep -q "\"type\":\"$2\""; }
check "Prometheus has the type of a counter from node_exporter" typed ipip_receive_bytes_total counter
check "Prometheus has the type of a counter as OpenMetrics" typed ipip_receive_bytes counter
check "the far end is down: an alert is pending" \
	wait_for 60 seen 'ALERTS%7Balertname=%22IpipFarEndDown%22,alertstate=%22pending%22%7D'
back() { [ "$(value 'ipip_keepalive_state%7Bstate=%22up%22,job=%22node%22%7D')" = 1 ]; }
check "the far end is up again" wait_for 60 back
sleep 12
queries > "$WORK/queries" 2>&1
is "each query of the dashboard returns data" "$(cat "$WORK/queries")" ""
snmp
kill "$_sender" "$_writer"
for pid in $(jobs -p); do
	kill "$pid" 2> /dev/null
done
wait 2> /dev/null
umount -l "$root" "$WORK/metrics"
