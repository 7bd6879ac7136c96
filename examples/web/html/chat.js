const chat = new WebSocket(location.href.replace(/^http/, "ws").replace(/[^/]*$/, "chat"));
chat.onopen = () => { send.disabled = false; };
chat.onclose = () => { send.disabled = true; };
chat.onmessage = (message) => {
  const line = document.createElement("li");
  line.textContent = message.data;
  heard.append(line);
};
say.onsubmit = (event) => {
  event.preventDefault();
  chat.send(text.value);
  text.value = "";
};

start.onclick = () => {
  ticks.textContent = "";
  const events = new EventSource("api/ticks?to=5");
  events.onmessage = (event) => { ticks.textContent += JSON.parse(event.data).n + " "; };
  events.addEventListener("end", () => { events.close(); ticks.textContent += "done"; });
};
