require_relative "sample"

def read(argument)
  value = argument[1..]
  case argument[0]
  when "s" then value.unpack1("m0").force_encoding("UTF-8")
  when "b" then value.unpack1("m0")
  when "n" then Integer(value)
  end
end

File.foreach("calls.tsv", chomp: true) do |call|
  arguments = call.split("\t").map { |argument| read(argument) }
  puts({ true => "accepted", false => "refused" }.fetch(verify(*arguments)))
end
