// What ical.js makes of calendars: an object of names and their texts comes in, and for each name
// the events go out, with their instants in seconds.
import ICAL from "ical.js";
import { readFileSync } from "node:fs";

function eventsOf(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  ICAL.TimezoneService.reset();
  const zones = calendar.getAllSubcomponents("vtimezone");
  for (const zone of zones) {
    ICAL.TimezoneService.register(new ICAL.Timezone(zone));
  }
  const events = calendar.getAllSubcomponents("vevent").map((component) => {
    const event = new ICAL.Event(component);
    return {
      uid: event.uid,
      start: event.startDate.toUnixTime(),
      end: event.endDate.toUnixTime(),
      sequence: event.sequence,
      summary: event.summary,
      location: event.location,
      status: component.getFirstPropertyValue("status"),
    };
  });
  return { zones: zones.length, method: calendar.getFirstPropertyValue("method"), events };
}

const calendars = JSON.parse(readFileSync(0, "utf8"));
const read = Object.entries(calendars).map(([name, text]) => [name, eventsOf(text)]);
process.stdout.write(JSON.stringify(Object.fromEntries(read)));
