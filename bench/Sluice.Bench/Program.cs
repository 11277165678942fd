System.Console.WriteLine("usage: Sluice.Bench NAME");
