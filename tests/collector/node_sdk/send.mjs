import { Analytics } from "@segment/analytics-node";

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host });
analytics.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
analytics.track({ userId: "node-1", event: "Product Viewed", properties: { product_id: "P1" }, messageId: "n1" });
analytics.identify({ userId: "node-1", traits: { plan: "pro" }, messageId: "n2" });
analytics.page({ userId: "node-1", name: "Home", messageId: "n3" });
analytics.alias({ userId: "node-1", previousId: "a1", messageId: "n4" });
await analytics.closeAndFlush();
