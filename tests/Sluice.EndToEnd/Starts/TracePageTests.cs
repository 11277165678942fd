using System.Buffers.Binary;
using System.IO.Compression;
using System.Text.Json;
using System.Xml.Linq;
using Sluice.Cli.Output;
using Sluice.EndToEnd.Harness;
using Sluice.Formats.Oci;
using Sluice.Storage.Traces;

namespace Sluice.EndToEnd.Starts;

/// <summary>What people look at of a trace, in a browser, which takes all processors. The trace was recorded at a start of redis: <c>./bench.sh cold-start --image redis --snapshotter rafs --page start.html</c>.</summary>
[Collection(AloneCollection.Name)]
public sealed class TracePageTests
{
    private static readonly string Recording = Path.Combine(AppContext.BaseDirectory, "redis.json");

    /// <summary>Moves the mouse to the middle of the time, asks for a file and sorts, and writes what is to be seen then.</summary>
    private const string Probe = """
        <script>
        const all = selector => [...document.querySelectorAll(selector)], seen = { rows: all('#files tbody tr').length, lines: all('svg .row').length, blocks: all('svg .row rect[class^=s]').length, waits: all('svg .wait title').length, areas: all('svg .area').length };
        const middle = new DOMPoint(start.left + start.width / 2, 300).matrixTransform(svg.getScreenCTM());
        document.elementFromPoint(middle.x, middle.y).dispatchEvent(new MouseEvent('mousemove', { clientX: middle.x, clientY: middle.y, bubbles: true }));
        seen.now = document.getElementById('now').textContent;
        seen.line = getComputedStyle(document.getElementById('time')).visibility;
        seen.hover = all('tr.hover').map(row => row.dataset.name);
        const filter = document.getElementById('filter');
        filter.value = 'LIBC';
        filter.dispatchEvent(new Event('input'));
        seen.found = all('#files tbody tr').filter(row => row.offsetHeight > 0).map(row => row.dataset.name);
        seen.faint = all('svg .faint').length;
        filter.value = '';
        filter.dispatchEvent(new Event('input'));
        all('#files th')[6].click();
        seen.largest = all('#files tbody tr')[0].dataset.name;
        all('#files th')[7].click();
        seen.sources = all('#files tbody tr').map(row => row.cells[7].textContent);
        document.body.append(Object.assign(document.createElement('pre'), { id: 'seen', textContent: JSON.stringify(seen) }));
        </script>
        """;

    [Fact]
    public async Task The_page_works_in_a_browser()
    {
        using Workspace workspace = new();
        (string page, string picture) = (workspace.File("start.html"), workspace.File("start.png"));
        (await SluiceProgram.RunAsync("trace", "show", Recording, "--html", page)).Succeeds();
        string text = await File.ReadAllTextAsync(page, TestMachine.Cancellation);
        Assert.DoesNotContain("src=", text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(page, text.Replace("</body>", Probe + "</body>", StringComparison.Ordinal), TestMachine.Cancellation);
        string shown = await Chromium.OpenAsync(page, picture, workspace);
        Assert.DoesNotContain("CONSOLE", shown, StringComparison.Ordinal);
        JsonElement seen = JsonElement.Parse(System.Net.WebUtility.HtmlDecode(shown.Split("<pre id=\"seen\">")[1].Split("</pre>")[0]));

        StartTrace trace = await ReadAsync();
        ILookup<string, TraceRead> files = trace.Reads.ToLookup(read => read.File!.Value.Path);
        Assert.Equal((files.Count, Math.Min(files.Count, 60)), (seen.GetProperty("rows").GetInt32(), seen.GetProperty("lines").GetInt32()));
        Assert.InRange(seen.GetProperty("blocks").GetInt32(), Math.Min(files.Count, 60), trace.Reads.Count);
        Assert.InRange(seen.GetProperty("waits").GetInt32(), 1, trace.Reads.Count(read => !read.WasHere));
        Assert.Equal(2, seen.GetProperty("areas").GetInt32()); // the cache and the registry
        long read = trace.Reads.Where(read => read.Served <= trace.Length / 2).Sum(read => (long)read.Length);
        Assert.Equal(FormattableString.Invariant($"{trace.Length.TotalSeconds / 2:0.000} s: {read / 1e6:0.00} MB read"), seen.GetProperty("now").GetString());
        Assert.Equal("visible", seen.GetProperty("line").GetString());
        Assert.Single(Strings(seen.GetProperty("hover")));
        string[] found = Strings(seen.GetProperty("found"));
        Assert.Equal(files.Select(file => file.Key).Where(file => file.Contains("libc", StringComparison.Ordinal)), found);
        Assert.NotEmpty(found);
        Assert.InRange(seen.GetProperty("faint").GetInt32(), Math.Min(files.Count, 60) - found.Length, 60);
        Assert.Equal(files.MaxBy(file => file.Sum(read => (long)read.Length))!.Key, seen.GetProperty("largest").GetString());
        string[] sources = Strings(seen.GetProperty("sources"));
        Assert.Equal(sources.Order(StringComparer.Ordinal), sources);
        AssertShowsSomething(await File.ReadAllBytesAsync(picture, TestMachine.Cancellation));
    }

    [Fact]
    public async Task A_browser_says_what_is_wrong()
    {
        using Workspace workspace = new();
        string page = workspace.File("wrong.html");
        await File.WriteAllTextAsync(page, "<script>nothing.of.the.kind()</script>", TestMachine.Cancellation);
        Assert.Contains("CONSOLE", await Chromium.OpenAsync(page, workspace.File("wrong.png"), workspace), StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => AssertShowsSomething(File.ReadAllBytes(workspace.File("wrong.png"))));
    }

    [Fact]
    public async Task The_picture_and_the_table_say_the_same()
    {
        using Workspace workspace = new();
        string picture = workspace.File("start.svg");
        (await SluiceProgram.RunAsync("trace", "show", Recording, "--svg", picture)).Succeeds();
        XElement[] elements = [.. XDocument.Parse(await File.ReadAllTextAsync(picture, TestMachine.Cancellation)).Descendants()];
        string[] files = [.. (await ReadAsync()).Reads.Select(read => read.File!.Value.Path).Distinct(StringComparer.Ordinal)];
        string[] rows = [.. elements.Select(element => element.Attribute("data-name")?.Value).OfType<string>()];
        Assert.Equal(rows.Where(row => row[0] == '/'), files.Where(rows.Contains));
        string table = (await SluiceProgram.RunAsync("trace", "show", Recording)).Succeeds().Output;
        Assert.Equal(files.Length, table.Split('\n').TakeWhile(line => line.Length > 0).Skip(1).Count());
        Assert.Contains("1 registry ", table, StringComparison.Ordinal);
        Assert.Contains("0 cache ", table, StringComparison.Ordinal);
    }

    [Fact]
    public void The_last_read_is_within_the_picture_whatever_the_start_takes()
    {
        for (int microseconds = 1; microseconds < 5_000_000; microseconds += 997)
        {
            TraceRead read = new(Digest.Sha256("blob"u8), 0, 4096, TimeSpan.FromMicroseconds(microseconds), WasHere: true);
            Assert.Equal(4096, TracePicture.BytesBy([read], TracePicture.EndOf(new StartTrace(read.Blob, [read])))[^1]);
        }
    }

    [Fact]
    public async Task An_export_without_names_is_an_error()
    {
        using Workspace workspace = new();
        string file = workspace.File("unnamed.json");
        StartTrace trace = await ReadAsync();
        await File.WriteAllBytesAsync(file, TraceFile.Write(trace with { Reads = [.. trace.Reads.Select(read => read with { File = null })] }), TestMachine.Cancellation);
        foreach (string format in (string[])["nydus-files", "nydus-list", "overlaybd-list"])
        {
            (await SluiceProgram.RunAsync("trace", "export", file, format)).Fails(2, "names no files");
            Assert.NotEmpty((await SluiceProgram.RunAsync("trace", "export", Recording, format)).Succeeds().Output);
        }
    }

    private static async Task<StartTrace> ReadAsync() => TraceFile.Read(await File.ReadAllBytesAsync(Recording, TestMachine.Cancellation));

    private static string[] Strings(JsonElement array) => [.. array.EnumerateArray().Select(one => one.GetString()!)];

    /// <summary>An empty page has few different bytes, however its lines are filtered.</summary>
    private static void AssertShowsSomething(ReadOnlySpan<byte> png)
    {
        MemoryStream packed = new();
        for (int at = 8; at < png.Length; at += BinaryPrimitives.ReadInt32BigEndian(png[at..]) + 12 /* length, type, checksum */)
        {
            if (png.Slice(at + 4, 4).SequenceEqual("IDAT"u8)) packed.Write(png.Slice(at + 8, BinaryPrimitives.ReadInt32BigEndian(png[at..])));
        }

        packed.Position = 0;
        MemoryStream lines = new();
        new ZLibStream(packed, CompressionMode.Decompress).CopyTo(lines);
        Assert.InRange(lines.ToArray().Distinct().Count(), 64, 256);
    }
}
