/** Links to the program that keeps the traces themselves. */

/**
 * traceLink fills in a template with {service}, {from} and {to}; times are
 * Unix milliseconds. Empty: there is none, or it leads to no page. A name can
 * become no more than a part of a path, a query or a fragment.
 */
export function traceLink(template: string, service: string, fromMs: number, toMs: number): string {
  // A dot segment would climb out of its part of a path, however it is escaped.
  if (template === '' || service === '.' || service === '..') return '';
  const values = new Map([['service', service], ['from', String(Math.round(fromMs))], ['to', String(Math.round(toMs))]]);
  // encodeURIComponent leaves ' ( ) * ! and dots, of which some pages make more.
  const escape = (text: string): string => encodeURIComponent(text).replace(/[!'()*.]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const text = template.replace(/\{(service|from|to)\}/g, (_, key: string) => {
    try {
      return escape(values.get(key) ?? '');
    } catch {
      return ''; // half of a surrogate pair
    }
  });
  try {
    const url = new URL(text);
    const origin = new URL(template.replace(/\{\w+\}/g, '0')).origin;
    return (url.protocol === 'https:' || url.protocol === 'http:') && url.origin === origin ? url.href : '';
  } catch {
    return '';
  }
}
