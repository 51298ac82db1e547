# archive: who played for a team, in Ruby. The company's library is in Python, so this service has none: no discovery,
# no balancing, no retries, no breaker. Where players is stands in archive.conf, written there when it was deployed.
#
#   GET /of?team=Herons      200 and a JSON list, or 502 and what went wrong

require "json"
require "net/http"
require "socket"
require "uri"

PLAYERS = URI("http://#{File.read(ARGV.fetch(0)).strip}/players.Players/of")

def players_of(team)
  request = Net::HTTP::Post.new(PLAYERS, "content-type" => "application/json", "x-caller" => "archive")
  request.body = JSON.generate(team: team)
  answer = Net::HTTP.start(PLAYERS.host, PLAYERS.port, open_timeout: 1, read_timeout: 1) { |http| http.request(request) }
  answer.code == "200" ? [200, answer.body] : [502, "players answered #{answer.code}: #{answer.body}"]
rescue StandardError => error
  [502, "players: #{error.message}"]
end

def serve(connection)
  line = connection.gets or return
  nil until connection.gets.to_s.strip.empty?
  query = URI.decode_www_form(URI(line.split[1]).query.to_s).to_h
  status, body = players_of(query["team"])
  connection.write("HTTP/1.1 #{status} -\r\ncontent-length: #{body.bytesize}\r\nconnection: close\r\n\r\n#{body}")
ensure
  connection.close
end

listening = TCPServer.new("127.0.0.1", 0)
File.write(ARGV.fetch(1) + ".new", listening.addr[1])
File.rename(ARGV.fetch(1) + ".new", ARGV.fetch(1))
Thread.new { $stdin.read; exit! } # whoever has started it is gone
loop { Thread.new(listening.accept) { |connection| serve(connection) } }
