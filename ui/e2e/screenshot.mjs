/** Takes a picture of a page: node e2e/screenshot.mjs URL FILE [WIDTH HEIGHT [dark|light [SECONDS]]] */
import { chromium } from 'playwright-core';

const [url, file, width = '1600', height = '1000', colorScheme = 'dark', seconds = '10'] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: screenshot.mjs URL FILE [WIDTH HEIGHT [dark|light [SECONDS]]]');
  process.exit(2);
}
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
});
const page = await browser.newPage({ viewport: { width: Number(width), height: Number(height) }, colorScheme });
await page.goto(url);
await page.waitForTimeout(Number(seconds) * 1000); // long enough for rates to show
await page.screenshot({ path: file, timeout: 120_000 });
await browser.close();
