// nginx and HAProxy as proxies in front of the same upstream, and nginx as that upstream.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOAD_CORE, MeasuredProcess, PROXY_CORE } from './process.ts';

export interface BenchDirectory {
  /** Holds `server.crt`, `server.key` (PEM, P-256) and `1mb.bin`. */
  readonly path: string;
}

interface Ports {
  readonly listen: number;
  readonly upstream: number;
}

const nginxPreamble = (directory: string, name: string): string => `
daemon off; master_process off; pid ${directory}/${name}.pid; error_log ${directory}/${name}.log;
events { worker_connections 16000; }`;

const nginxPaths = (directory: string, name: string): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${directory}/${name}-${kind};`)
    .join(' ');

/** nginx as an upstream on core 1: 1 KB for each POST, 1 MB for each GET. */
export async function startUpstream(directory: BenchDirectory, port: number): Promise<MeasuredProcess> {
  const { path } = directory;
  return startNginx(
    'upstream',
    path,
    port,
    LOAD_CORE,
    `${nginxPreamble(path, 'upstream')}
http { access_log off; ${nginxPaths(path, 'upstream')} keepalive_requests 100000000; client_max_body_size 0;
  server { listen 127.0.0.1:${port} backlog=8192; root ${path}; default_type application/vnd.ms-sync.wbxml;
    location / { if ($request_method = POST) { return 200 "${'y'.repeat(1024)}"; } rewrite ^ /1mb.bin break; } } }`,
  );
}

/** nginx as the proxy under measurement, on core 0. */
export async function startNginxProxy(directory: BenchDirectory, ports: Ports): Promise<MeasuredProcess> {
  const { path } = directory;
  return startNginx(
    'nginx',
    path,
    ports.listen,
    PROXY_CORE,
    `${nginxPreamble(path, 'nginx')}
http { access_log off; ${nginxPaths(path, 'nginx')} keepalive_requests 100000000; client_max_body_size 0;
  upstream exchange { server 127.0.0.1:${ports.upstream}; keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${ports.listen} ssl backlog=8192; ssl_certificate ${path}/server.crt; ssl_certificate_key ${path}/server.key;
    ssl_protocols TLSv1.3;
    location /nginx_status { stub_status; }
    location / { proxy_pass http://exchange; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_buffering on; proxy_max_temp_file_size 0;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https; } } }`,
  );
}

/** HAProxy as the proxy under measurement, on core 0 with one thread. */
export async function startHAProxy(directory: BenchDirectory, ports: Ports): Promise<MeasuredProcess> {
  const { path } = directory;
  const file = join(path, 'haproxy.cfg');
  await writeFile(
    file,
    `global
  nbthread 1
  maxconn 8000
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  timeout connect 5s
  timeout client 3600s
  timeout server 3600s
  http-reuse always
  option forwardfor
frontend phones
  bind 127.0.0.1:${ports.listen} ssl crt ${path}/server.pem alpn http/1.1 backlog 8192
  default_backend exchange
backend exchange
  server mbx1 127.0.0.1:${ports.upstream} pool-max-conn 256
`,
  );
  const haproxy = MeasuredProcess.start(PROXY_CORE, ['haproxy', '-db', '-f', file], {
    logFile: join(path, 'haproxy.log'),
  });
  await haproxy.listening(ports.listen);
  return haproxy;
}

async function startNginx(
  name: string,
  directory: string,
  port: number,
  core: number,
  config: string,
): Promise<MeasuredProcess> {
  const file = join(directory, `${name}.conf`);
  await writeFile(file, config);
  const nginx = MeasuredProcess.start(core, ['nginx', '-p', directory, '-c', file], {
    logFile: join(directory, `${name}.out`),
  });
  await nginx.listening(port);
  return nginx;
}
