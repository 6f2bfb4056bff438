/** Asks the server's API. Every path is relative to the page, so that it works under any prefix. */
import { isObject } from './model/json';

/** AskError: there is no answer; the message is for people. */
export class AskError extends Error {
  constructor(what: string, readonly status: number) {
    super(what);
    this.name = 'AskError';
  }
}

/** What is asked, by name; empty values are left out. */
export type Query = Readonly<Record<string, string>> | URLSearchParams;

export function apiUrl(path: string, query: Query = {}): string {
  const url = new URL(`api/${path}`, document.baseURI);
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  url.search = new URLSearchParams(pairs.filter(([, v]) => v !== '')).toString();
  return url.href;
}

/** ask returns the JSON of an answer. Throws AskError. */
export async function ask(path: string, query: Query = {}, signal?: AbortSignal): Promise<unknown> {
  let status = 0;
  let body: unknown;
  try {
    const answer = await fetch(apiUrl(path, query), signal === undefined ? {} : { signal });
    status = answer.status;
    body = await answer.json();
    if (answer.ok) return body;
  } catch {
    throw new AskError('the server cannot be reached', status);
  }
  const error = isObject(body) && isObject(body.error) ? body.error.message : '';
  throw new AskError(typeof error === 'string' && error !== '' ? error : `the server answered ${status}`, status);
}
