/** No spans yet: where to send them, and how. */
import './empty.css';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { About } from '../model/about';
import { NO_FILTER } from '../model/filter';
import type { AppState } from './state';

const LANGUAGES = ['Any SDK', 'Go', 'Java', 'Python', 'Node.js', '.NET', 'Collector'] as const;
type Language = (typeof LANGUAGES)[number];

function snippet(language: Language, host: string, p: About['ports']): string {
  const http = `http://${host}:${p.http}`;
  const env = `export OTEL_SERVICE_NAME=my-service\nexport OTEL_EXPORTER_OTLP_ENDPOINT=${http}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`;
  switch (language) {
    case 'Any SDK': return env;
    case 'Go': return `exporter, err := otlptracehttp.New(ctx,\n\totlptracehttp.WithEndpointURL("${http}/v1/traces"))\nprovider := trace.NewTracerProvider(trace.WithBatcher(exporter))\notel.SetTracerProvider(provider)`;
    case 'Java': return `${env}\njava -javaagent:opentelemetry-javaagent.jar -jar app.jar`;
    case 'Python': return `pip install opentelemetry-distro opentelemetry-exporter-otlp\nopentelemetry-bootstrap -a install\n${env}\nopentelemetry-instrument python app.py`;
    case 'Node.js': return `npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node\n${env}\nnode --require @opentelemetry/auto-instrumentations-node/register app.js`;
    case '.NET': return `dotnet add package OpenTelemetry.Extensions.Hosting\ndotnet add package OpenTelemetry.Instrumentation.AspNetCore\ndotnet add package OpenTelemetry.Exporter.OpenTelemetryProtocol\n${env}`;
    case 'Collector': return `exporters:\n  otlp/graphctl:\n    endpoint: ${host}:${p.grpc}\n    tls: {insecure: true}\nservice:\n  pipelines:\n    traces:\n      exporters: [otlp/graphctl]`;
  }
}

export function Empty({ state }: { state: AppState }): JSX.Element {
  const { ports } = state.about.value;
  const [language, setLanguage] = useState<Language>('Any SDK');
  const [copied, setCopied] = useState(false);
  const host = window.location.hostname || '127.0.0.1';
  const text = snippet(language, host, ports);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      window.setTimeout(() => setCopied(false), 1_500);
    }, () => setCopied(false));
  };
  return (
    <section class="empty" aria-label="No spans yet">
      <svg class="empty-star" width="120" height="120" viewBox="0 0 120 120" aria-hidden="true" fill="none">
        <circle cx="60" cy="60" r="52" stroke-width="2.500" stroke-dasharray="38 9 60 9 26 9 84 9" />
        <path d="M16 44Q60 60 100 34M20 82Q60 60 80 104M28 28Q60 60 108 70M60 12Q60 60 40 104" stroke-width="1.200" />
      </svg>
      <h2>Waiting for the first span</h2>
      <p>Send OpenTelemetry traces here. The graph draws itself as they arrive.</p>
      <dl class="ports num">
        <dt>OTLP/HTTP</dt><dd><code>http://{host}:{ports.http}</code></dd>
        <dt>OTLP/gRPC</dt><dd><code>{host}:{ports.grpc}</code></dd>
      </dl>
      <div class="snippet">
        <div class="languages" role="group" aria-label="Language">
          {LANGUAGES.map((l) => <button type="button" key={l} class={l === language ? 'on' : ''} aria-pressed={l === language} onClick={() => setLanguage(l)}>{l}</button>)}
          <div class="space" />
          <button type="button" class="copy" onClick={copy}>{copied ? 'Copied' : 'Copy'}</button>
        </div>
        <pre tabIndex={0} aria-label={`How to send spans: ${language}`}><code>{text}</code></pre>
      </div>
    </section>
  );
}

/** There are calls, or were, but none to be seen. */
export function Nothing({ state }: { state: AppState }): JSX.Element {
  const filtered = state.graph.totals.services > 0;
  return (
    <section class="empty" aria-label="Nothing to show">
      <h2>{filtered ? 'Nothing passes the filters' : 'Nothing was called then'}</h2>
      <p>{filtered ? 'Some of them hide every call there is.' : 'The window of the timeline holds no calls.'}</p>
      {filtered
        ? <button type="button" class="primary" onClick={() => state.go({ part: NO_FILTER })}>Clear the filters</button>
        : <button type="button" class="primary" onClick={() => state.go({ at: '', base: '' })}>Back to live</button>}
    </section>
  );
}
