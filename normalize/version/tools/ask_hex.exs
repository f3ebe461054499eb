IO.puts("# Elixir #{System.version()}, Version.compare")

for line <- IO.stream(:stdio, :line) do
  [a, b] = line |> String.trim_trailing("\n") |> String.split("\t")

  with {:ok, x} <- Version.parse(a), {:ok, y} <- Version.parse(b) do
    n = %{lt: -1, eq: 0, gt: 1}[Version.compare(x, y)]
    IO.puts(Enum.join([a, b, n], "\t"))
  end
end
