/** What nginx is told so that it does what nginx-proxy does (https://github.com/nginx-proxy/nginx-proxy). */

/** What is asked of an engine; dockerode has it. */
export interface ProxyEngine {
  listContainers(): Promise<readonly { readonly Id: string }[]>
  getContainer(id: string): { inspect(): Promise<ProxiedContainer> }
}

export interface ProxiedContainer {
  readonly Config: { readonly Env: readonly string[] | null }
  readonly NetworkSettings: {
    readonly Networks: { readonly [name: string]: { readonly IPAddress: string } }
  }
}

export interface ProxiedServer {
  readonly hosts: readonly string[]
  readonly address: string
}

/** Containers that run in one of the networks and name a host. */
export async function serversIn(
  engine: ProxyEngine,
  networks: readonly string[],
): Promise<readonly ProxiedServer[]> {
  const listed = await engine.listContainers()
  const servers = await Promise.all(
    listed.map(async ({ Id }): Promise<readonly ProxiedServer[]> => {
      // it may be gone meanwhile
      const seen = await engine
        .getContainer(Id)
        .inspect()
        .catch(() => undefined)
      const variables = new Map(
        (seen?.Config.Env ?? []).map((entry) => [entry.split('=')[0], entry.replace(/^[^=]*=/, '')]),
      )
      const hosts = variables.get('VIRTUAL_HOST')
      const addresses = networks.map((network) => seen?.NetworkSettings.Networks[network]?.IPAddress)
      const ip = addresses.find((address) => address !== undefined && address !== '')
      if (hosts === undefined || ip === undefined) return []
      return [{ hosts: hosts.split(','), address: `${ip}:${variables.get('VIRTUAL_PORT') ?? 80}` }]
    }),
  )
  return servers.flat().toSorted((a, b) => (a.address < b.address ? -1 : 1))
}

/** After nginx-proxy's template: unknown hosts get 503, and a port that is not the usual one stays in `Host`. */
export function nginxConfiguration(parts: {
  /** `PORT` or `HOST:PORT`. */
  readonly listen: string
  readonly folder: string
  readonly servers: readonly ProxiedServer[]
}): string {
  const { listen, folder, servers } = parts
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')}
  map $http_upgrade $proxy_connection { default upgrade; '' close; }
  map $server_port $host_port { default :$server_port; 80 ''; 443 ''; }
  proxy_http_version 1.1;
  proxy_set_header Host $host$host_port;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $proxy_connection;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  server { listen ${listen} default_server; return 503; }
${servers.map(({ hosts, address }) => `  server { listen ${listen}; server_name ${hosts.join(' ')}; location / { proxy_pass http://${address}; } }`).join('\n')}
}
`
}
