import { type Agent, request } from 'node:http';

interface Asked {
  path: string;
  /** JSON; without it, the request is a GET. */
  body?: string;
  headers?: Record<string, string>;
}

/**
 * @returns the body of the answer
 * @throws where the answer is no success
 */
export function ask(agent: Agent, port: number, { path, body, headers }: Asked): Promise<string> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const ofBody = body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = { agent, port, method, path, headers: { ...ofBody, ...headers }, host: '127.0.0.1' };
    const asking = request(options, (response) => {
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        answer += text;
      });
      response.on('error', reject);
      response.on('end', () => {
        if ((response.statusCode ?? 500) < 300) resolve(answer);
        else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${answer}`));
      });
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
